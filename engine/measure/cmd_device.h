/* `paretune device`: what is modelled of devices that are not here. */
#ifndef PARETUNE_ENGINE_MEASURE_CMD_DEVICE_H
#define PARETUNE_ENGINE_MEASURE_CMD_DEVICE_H

#include "engine/base/command.h"

extern const command cmd_device;

#endif
