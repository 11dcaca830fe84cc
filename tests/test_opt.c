#include "engine/base/opt.h"
#include "tests/support/expect.h"

#include <criterion/new/assert.h>

#include <stdlib.h>

static bool quiet, colour;
static int jobs, any;
static double rate;
static const char *name;

static const opt options[] = {
    {.name = "quiet", .letter = 'q', .type = OPT_FLAG, .help = "say less", .value = &quiet},
    {.name = "colour", .type = OPT_FLAG, .help = "use colours", .value = &colour},
    {.name = "jobs",
     .letter = 'j',
     .type = OPT_INT,
     .arg = "N",
     .help = "worker processes",
     .min = 1,
     .max = 8,
     .value = &jobs},
    {.name = "any", .type = OPT_INT, .arg = "N", .help = "any whole number", .value = &any},
    {.name = "rate", .type = OPT_DOUBLE, .arg = "X", .help = "a rate", .max = 1, .value = &rate},
    {.name = "name",
     .type = OPT_STRING,
     .arg = "WORD",
     .help = "a name that needs a sentence so long that it must be broken into two lines of help "
             "text, as some do",
     .value = &name},
    {0}};

static const opt_spec spec = {.name = "run",
                              .args = "SPACE.yaml",
                              .summary = "search a space",
                              .details = "First paragraph.\n\nSecond\\paragraph.",
                              .examples = "  paretune run x.yaml",
                              .args_min = 1,
                              .args_max = 2,
                              .options = options};

static void setup(void)
{
    quiet = false, colour = true, jobs = 2, any = 0, rate = 0.5, name = NULL;
}

TestSuite(opt, .init = setup);

static int n_args;
static bool help;
static char *args[12];

static status parse(err *e, int argc, const char *const *words)
{
    static char copies[12][64];
    for (int i = 0; i < argc; i++) {
        snprintf(copies[i], sizeof copies[i], "%s", words[i]);
        args[i] = copies[i];
    }
    return opt_parse(&spec, argc, args, &n_args, &help, e);
}

#define PARSE(e, ...)                                                              \
    parse((e), (int)(sizeof(const char *[]){"run", __VA_ARGS__} / sizeof(char *)), \
          (const char *[]){"run", __VA_ARGS__})

#define EXPECT_OK(...)                                          \
    do {                                                        \
        err e_ = {0};                                           \
        cr_assert(PARSE(&e_, __VA_ARGS__) == OK, "%s", e_.msg); \
    } while (0)

#define EXPECT_REFUSED(message, ...)                     \
    do {                                                 \
        err e_ = {0};                                    \
        cr_expect(PARSE(&e_, __VA_ARGS__) == ERR_INPUT); \
        EXPECT_TEXT(e_.msg, message);                    \
    } while (0)

Test(opt, values_come_in_every_form)
{
    EXPECT_OK("a.yaml", "-q", "--no-colour", "--jobs=3", "--rate", "0.25", "--name", "x");
    cr_expect(quiet && !colour && jobs == 3 && rate == 0.25);
    EXPECT_TEXT(name, "x");
    EXPECT_OK("-j4", "a.yaml", "--no-quiet", "--name=", "--any", "-7");
    cr_expect(jobs == 4 && any == -7 && !quiet);
    EXPECT_TEXT(name, "");
    EXPECT_OK("-j", "5", "a.yaml");
    cr_expect(eq(int, jobs, 5));
}

Test(opt, arguments_stand_anywhere)
{
    EXPECT_OK("a.yaml", "--jobs", "3", "b.yaml");
    cr_expect(eq(int, n_args, 2));
    EXPECT_TEXT(args[0], "a.yaml");
    EXPECT_TEXT(args[1], "b.yaml");
    EXPECT_OK("--", "--jobs", "-");
    cr_expect(eq(int, n_args, 2));
    EXPECT_TEXT(args[0], "--jobs");
    EXPECT_TEXT(args[1], "-");
}

Test(opt, help_stops_before_anything_is_missed)
{
    EXPECT_OK("--help");
    cr_expect(help);
    EXPECT_OK("-h", "--nonsense");
    cr_expect(help);
    EXPECT_OK("a.yaml");
    cr_expect(not(help));
}

Test(opt, mistakes_say_what_would_be_right)
{
    EXPECT_REFUSED("needs SPACE.yaml; see 'paretune run --help'", "-q");
    EXPECT_REFUSED("too many arguments, from 'c' on; see 'paretune run --help'", "a", "b", "c");
    EXPECT_REFUSED("unknown option --job; did you mean --jobs?", "a", "--job", "3");
    EXPECT_REFUSED("unknown option --zzz; 'paretune run --help' lists them", "--zzz=1");
    EXPECT_REFUSED("unknown option -z; 'paretune run --help' lists them", "-z");
    EXPECT_REFUSED("unknown option --no-jobs; 'paretune run --help' lists them", "--no-jobs", "3");
    EXPECT_REFUSED("--jobs needs N", "a", "--jobs");
    EXPECT_REFUSED("--quiet takes no value", "a", "--quiet=yes");
    EXPECT_REFUSED("--jobs takes a whole number, not '2.5'", "a", "--jobs", "2.5");
    EXPECT_REFUSED("--jobs takes a whole number, not ''", "a", "--jobs=");
    EXPECT_REFUSED("--jobs takes a whole number, not '3x'", "a", "-j3x");
    EXPECT_REFUSED("--any takes a whole number, not '3000000000'", "--any=3000000000");
    EXPECT_REFUSED("--any takes a whole number, not '-1e300'", "--any=-1e300");
    EXPECT_REFUSED("--jobs is 9; it must be from 1 to 8", "a", "-j", "9");
    EXPECT_REFUSED("--rate takes a number, not 'nan'", "a", "--rate=nan");
    EXPECT_REFUSED("--rate takes a number, not '1e999'", "a", "--rate=1e999");
    EXPECT_REFUSED("--rate is -0.1; it must be from 0 to 1", "a", "--rate=-0.1");
}

static void expect_printed(void (*print)(const opt_spec *, const char *, FILE *), const char *want)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    print(&spec, "paretune", f);
    fclose(f);
    EXPECT_TEXT(text, want);
    free(text);
}

Test(opt, help_lists_options_with_their_defaults)
{
    expect_printed(
        opt_print_help,
        "paretune run: search a space\n"
        "\n"
        "usage: paretune run [options] SPACE.yaml\n"
        "\n"
        "First paragraph.\n"
        "\n"
        "Second\\paragraph.\n"
        "\n"
        "options:\n"
        "  -q, --quiet               say less\n"
        "      --colour              use colours (default: on)\n"
        "  -j, --jobs N              worker processes (default: 2)\n"
        "      --any N               any whole number (default: 0)\n"
        "      --rate X              a rate (default: 0.5)\n"
        "      --name WORD           a name that needs a sentence so long that it must be "
        "broken into two\n"
        "                            lines of help text, as some do\n"
        "\n"
        "examples:\n"
        "  paretune run x.yaml\n");
}

Test(opt, the_manual_is_troff)
{
    expect_printed(opt_print_man,
                   ".SS paretune run SPACE.yaml\n"
                   "search a space.\n"
                   ".PP\n"
                   "First paragraph.\n"
                   ".PP\n"
                   "Second\\eparagraph.\n"
                   ".TP\n.B \\-q, \\-\\-quiet\nsay less.\n"
                   ".TP\n.B \\-\\-colour\nuse colours (default: on).\n"
                   ".TP\n.B \\-j, \\-\\-jobs \\fIN\\fR\nworker processes (default: 2).\n"
                   ".TP\n.B \\-\\-any \\fIN\\fR\nany whole number (default: 0).\n"
                   ".TP\n.B \\-\\-rate \\fIX\\fR\na rate (default: 0.5).\n"
                   ".TP\n.B \\-\\-name \\fIWORD\\fR\na name that needs a sentence so long that it "
                   "must be broken into two lines of help text, as some do.\n"
                   ".PP\nExamples:\n.PP\n.nf\n  paretune run x.yaml\n.fi\n");
}
