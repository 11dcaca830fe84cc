/* `paretune replay TABLE`: how would another search have done on what is known already? */
#ifndef PARETUNE_SEARCH_CMD_REPLAY_H
#define PARETUNE_SEARCH_CMD_REPLAY_H

#include "engine/base/command.h"

extern const command cmd_replay;

#endif
