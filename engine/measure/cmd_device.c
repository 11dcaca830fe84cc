#include "engine/measure/cmd_device.h"

#include "engine/base/table.h"
#include "engine/measure/device.h"

#include <stdio.h>
#include <string.h>

static const char *format_name = "table";

static const opt options[] = {
    {.name = "format",
     .type = OPT_STRING,
     .arg = "FORMAT",
     .value = &format_name,
     .help = "table, csv or json"},
    {0},
};

static const opt_spec spec = {
    .name = "device",
    .args = "show [NAME]",
    .summary = "show the model of a device's speed: its fit, residuals and sources",
    .details =
        "The only device is raspberry-pi-4. Its figures are a linear model fitted to published "
        "timings; they\n"
        "appear as modelled_inference_ms and modelled_total_ms and are never mixed with "
        "measurements.",
    .examples = "paretune device show\nparetune device show raspberry-pi-4 --format csv",
    .args_min = 1,
    .args_max = 2,
    .options = options,
};

static void print_fit(const device_model *m)
{
    printf("%s, a linear model of published timings, not a measurement\n\n", m->name);
    printf("inference  %.3f ns per multiply-add of convolutions, %.3f of depthwise ones,\n"
           "           %.3f of dense and recurrent layers, %.2f us per operator;\n"
           "           root mean square of the residuals %.0f %%\n",
           1e6 * m->inference[0], 1e6 * m->inference[1], 1e6 * m->inference[2],
           1e3 * m->inference[3], 100 * m->inference_error);
    printf("front end  %.1f ms + %.2f us per entry of the mel matrix;\n"
           "           root mean square of the residuals %.0f %%\n\n",
           m->front_end[0], 1e3 * m->front_end[1], 100 * m->front_end_error);
}

static status show(const char *name, arena *a, err *e)
{
    device_model m;
    table t;
    table_format form;
    TRY(table_format_parse(format_name, &form, e));
    TRY(device_fit(name, &m, e));
    TRY(device_table(&m, a, &t, e));
    if (form == FORMAT_TABLE) print_fit(&m);
    return table_print(&t, form, stdout, e);
}

static status run(int n_args, char **args, int *code, err *e)
{
    (void)code;
    if (strcmp(args[0], "show") != 0)
        return FAIL(e, ERR_INPUT, "'%s' is nothing a device can do; use: paretune device show",
                    args[0]);
    arena a;
    arena_init(&a, 0);
    status s = show(n_args > 1 ? args[1] : "raspberry-pi-4", &a, e);
    arena_free(&a);
    return s;
}

const command cmd_device = {.spec = &spec, .run = run};
