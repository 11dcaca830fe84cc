#include "search/sampler.h"
#include "search/space_parts.h"
#include "search/stop.h"

#include <math.h>
#include <string.h>

static const node *place_of(const space *s, setting i)
{
    return s->slot[i].place ? s->slot[i].place : s->source.root;
}

static void refuse_aim(space *s, const char *aim)
{
    const char *names[SPACE_MAX_VERSIONS + 2] = {"front", "versions"};
    size_t n = 2;
    for (int i = 0; i < s->n_versions; i++) names[n++] = s->version[i].name;
    const char *meant = diag_did_you_mean(aim, names, n);
    document_wrong(&s->source, place_of(s, SET_AIM),
                   "search.aim: '%s' is neither front nor versions nor the name of a version%s%s%s",
                   aim, meant ? "; did you mean '" : "", meant ? meant : "", meant ? "'?" : "");
}

static int read_aim(space *s)
{
    const char *aim = s->base[SET_AIM].text;
    const int standard = s->n_versions > 0 ? AIM_VERSIONS : AIM_FRONT;
    if (strcmp(aim, "auto") == 0) return standard;
    if (strcmp(aim, "front") == 0) return AIM_FRONT;
    if (strcmp(aim, "versions") == 0 && s->n_versions == 0)
        document_wrong(&s->source, place_of(s, SET_AIM), "search.aim: this space has no versions");
    if (strcmp(aim, "versions") == 0) return AIM_VERSIONS;
    for (int i = 0; i < s->n_versions; i++)
        if (strcmp(s->version[i].name, aim) == 0) return i;
    refuse_aim(s, aim);
    return standard;
}

static int longest_training(const space *s)
{
    const slot_info *info = &s->slot[SET_EPOCHS];
    double most = info->axis < 0 ? info->fixed.number : 0;
    for (int i = 0; info->axis >= 0 && i < s->axis[info->axis].n; i++)
        most = fmax(most, s->axis[info->axis].values[i].number);
    return (int)fmax(most, info->when ? info->otherwise.number : 0);
}

static bool is_about_words(const space *s)
{
    return s->task && strcmp(s->task, "keywords") == 0;
}

static const char *stop_rule_name(const space *s)
{
    const char *stop = s->base[SET_STOP].text;
    const bool is_grid = strcmp(s->search.method, "grid") == 0;
    if (strcmp(stop, "auto") == 0) return is_about_words(s) && !is_grid ? "dominance" : NULL;
    return strcmp(stop, "none") == 0 ? NULL : stop;
}

static void read_stop(space *s)
{
    space_search *to = &s->search;
    to->stop = stop_rule_name(s);
    to->stop_chance = s->base[SET_STOP_CHANCE].number;
    to->audit = s->base[SET_AUDIT].number;
    to->n_epochs = longest_training(s);
    if (to->stop || is_about_words(s))
        to->n_rungs =
            stop_rungs(to->n_epochs, s->base[SET_RUNG_FACTOR].number, STOP_FEWEST_EPOCHS, to->rung);
}

void space_read_search(space *s)
{
    const value *fixed = s->base;
    if (!fixed[SET_METHOD].text || !fixed[SET_AIM].text || !fixed[SET_UNTIL].text ||
        !fixed[SET_STOP].text)
        return;
    s->search = (space_search){.method = fixed[SET_METHOD].text,
                               .aim = read_aim(s),
                               .seed = (uint64_t)fixed[SET_SEARCH_SEED].number,
                               .window = (int)fixed[SET_WINDOW].number,
                               .until_met = strcmp(fixed[SET_UNTIL].text, "met") == 0,
                               .min_gain = fixed[SET_MIN_GAIN].number / 100};
    read_stop(s);
    if (s->search.until_met && s->search.aim == AIM_FRONT)
        document_wrong(&s->source, place_of(s, SET_UNTIL),
                       "search.until: met is about versions, and the search aims at none");
    const int most = (int)fixed[SET_MAX_SEEDS].number;
    if (most > s->n_seeds)
        document_wrong(&s->source, place_of(s, SET_MAX_SEEDS),
                       "search.max_seeds: %d are more than the %d of `seeds`; list so many there",
                       most, s->n_seeds);
}

space_search space_get_search(const space *s)
{
    return s->search;
}

bool space_aims_at(const space *s, int version)
{
    return s->search.aim == AIM_VERSIONS || s->search.aim == version;
}
