/* A tab per version: the verdict, how sure it is, its limits to move, the room under each, and the pick. */
const Versions = (() => {
    const STEPS = 1000;
    const parts = []; /* of each version: nodes that change */

    /* --- limits --- */

    /* Where a slider runs: over the figures of the finished trials and the bound, in equal or in proportional steps. */
    function sliderScale(limit) {
        const { study } = App;
        const v = study.metric(limit.metric)?.numbers ?? [];
        let low = limit.bound;
        let high = limit.bound;
        for (let i = 0; i < v.length; i++) {
            if (!study.isDone[i] || !Number.isFinite(v[i])) continue;
            low = Math.min(low, v[i]);
            high = Math.max(high, v[i]);
        }
        return new Scale(low, high, study.unit(limit.metric)).span(0, STEPS);
    }

    const threeDigits = (v) => Number(v.toPrecision(3));

    function limitRow(v, k) {
        const limit = App.study.versions[v].limits[k];
        const scale = sliderScale(limit);
        const unit = App.study.unit(limit.metric);
        const id = `limit-${v}-${k}`;
        const box = h('input', {
            type: 'text',
            id,
            class: 'bound',
            inputmode: 'decimal',
            spellcheck: 'false',
            autocomplete: 'off',
            'aria-describedby': `${id}-note`,
            onchange: () => {
                try {
                    const bound = Quantity.parse(box.value, unit);
                    box.removeAttribute('aria-invalid');
                    part.note.textContent = '';
                    App.setBound(v, k, bound);
                } catch (e) {
                    box.setAttribute('aria-invalid', 'true');
                    part.note.textContent = e.message;
                    announce(e.message);
                }
            },
        });
        const slider = h('input', {
            type: 'range',
            min: 0,
            max: STEPS,
            step: 1,
            id: `${id}-slider`,
            'aria-label': `Limit on ${limit.metric}, version ${App.study.versions[v].name}`,
            oninput: () => App.setBound(v, k, threeDigits(scale.value(Number(slider.value)))),
        });
        const part = {
            box,
            slider,
            scale,
            unit,
            bar: h('div', { class: 'room' }),
            note: h('p', { class: 'error', id: `${id}-note`, role: 'alert' }),
            told: h('p', { class: 'told' }),
            was: h('span', { class: 'was' }),
        };
        part.node = h(
            'div',
            { class: 'limit' },
            h(
                'div',
                { class: 'limit-line' },
                h('label', { for: id }, h('b', null, limit.metric), ` ${limit.op}`),
                box,
                part.was,
            ),
            slider,
            part.bar,
            part.told,
            part.note,
        );
        return part;
    }

    /* Room under the limit as a dot to the right of the middle line; over it to the left. */
    function roomBar(l, reach) {
        const at = (margin) => 100 * (0.5 + 0.48 * Math.max(-1, Math.min(1, margin / reach)));
        const dot = (cls, margin) =>
            Number.isFinite(margin) &&
            h('i', { class: `${cls} ${margin < 0 ? 'over' : ''}`, style: { left: `${at(margin)}%` } });
        return [h('i', { class: 'middle' }), !l.exact && dot('validation', l.room), dot('reported', l.margin)];
    }

    function fillLimit(part, pick, k, reach) {
        const l = pick.limits[k];
        const limit = part.limit;
        if (document.activeElement !== part.box) part.box.value = Quantity.format(limit.bound, part.unit);
        part.slider.value = Math.round(part.scale.px(limit.bound));
        part.slider.setAttribute('aria-valuetext', Quantity.format(limit.bound, part.unit));
        part.was.textContent = limit.moved ? `was ${limit.text}` : '';
        if (!l) {
            replace(part.bar);
            part.told.textContent = 'no trial has all figures';
            return;
        }
        replace(part.bar, roomBar(l, reach));
        const figure = (v, margin) => `${Quantity.format(v, part.unit)} (${Quantity.percent(margin)})`;
        const binds =
            pick.binding === k &&
            h('b', { class: 'binds' }, pick.kind === 'closest' || !l.holds ? 'binds' : 'tightest');
        replace(
            part.told,
            l.exact
                ? ['exact ', figure(l.reported, l.margin)]
                : ['validation ', figure(l.value, l.room), h('br'), 'test ', figure(l.reported, l.margin)],
            ' ',
            binds,
        );
    }

    /* --- verdict --- */

    function chances(v) {
        const p = App.study.picks.list[v];
        const { asked } = App.study.picks;
        const share = (c) =>
            c > 0.9995 ? 'over 99.9 %' : c < 0.0005 ? 'under 0.1 %' : `${(100 * c).toFixed(1)} %`; /* certainty is never claimed */
        if (!p || App.isMoved(v) || App.isFiltered()) {
            return asked > 0
                ? `Asked for with ${share(asked)} confidence; of moved limits or a part of the trials the chances are not known here.`
                : '';
        }
        if (p.confidence === null)
            return asked > 0
                ? `Confidence not known: ${p.seeds} of at least 2 seeds.`
                : 'One seed tells nothing of the luck of a training: confidence not known.';
        const file = p.file === null ? '' : `, this file does with ${share(p.file)}`;
        return `Keeps its limits with ${share(p.confidence)} confidence (${p.seeds} seeds); a fresh training would with ${share(p.fresh)}${file}.`;
    }

    /* What would have to change for the closest miss. */
    function advice(pick) {
        const over = pick.limits.filter((l) => l.room < 0 || (l.room === 0 && !Choice.holds[l.op](l.value, l.bound)));
        return `Nearest to all limits; it would take ${over.map((l) => `${l.metric} ${l.op}${l.op.length === 1 ? '=' : ''} ${Quantity.format(l.value, App.study.unit(l.metric))}`).join(' and ')}.`;
    }

    function fillVerdict(v, part, pick) {
        const met = App.isMet(v);
        const state_ = met ? 'met' : pick.kind === 'none' ? 'none' : 'unmet';
        part.verdict.className = `verdict ${state_}`;
        replace(
            part.verdict,
            h('span', { class: 'badge' }, met ? 'met' : 'not met'),
            ' ',
            App.verdictText(v).replace(/^(not )?met(:| by)? ?/, (m) => (m.startsWith('met by') ? 'by ' : '')),
        );
        const bound = pick.limits[pick.binding];
        replace(
            part.more,
            h(
                'p',
                null,
                `${pick.feasible ? plural(pick.feasible, 'trial') : 'No trial'} of ${count(App.rows.length)} ${pick.feasible > 1 ? 'keep' : 'keeps'} all limits on validation figures${App.isFiltered() ? ', among those that pass the filter' : ''}.`,
                bound &&
                    ` ${pick.kind === 'closest' || !bound.holds ? 'The binding limit is' : 'The tightest limit is'} ${bound.metric}.`,
            ),
            pick.kind === 'closest' && h('p', null, advice(pick)),
            chances(v) && h('p', { class: 'soft' }, chances(v)),
        );
    }

    function fillPick(v, part, pick) {
        if (pick.row < 0) {
            replace(part.pick);
            return;
        }
        const trial = pick.trial;
        const pinned = state.pinned.includes(trial);
        const command =
            App.isMoved(v) || App.isFiltered()
                ? `paretune export ${shellWord(App.study.db)} ${trial}`
                : `paretune export ${shellWord(App.study.db)} --pick ${shellWord(App.study.versions[v].name)}`;
        replace(
            part.pick,
            h(
                'div',
                { class: 'head' },
                h('h3', null, `${pick.kind === 'chosen' ? 'Pick' : 'Closest miss'}: trial ${trial}`),
                h(
                    'button',
                    {
                        type: 'button',
                        class: 'quiet',
                        'aria-pressed': String(pinned),
                        onclick: () => App.togglePin(trial),
                    },
                    pinned ? 'Unpin' : 'Pin',
                ),
            ),
            h(
                'dl',
                { class: 'config' },
                App.study
                    .listKnobs(pick.row)
                    .map(([name, value]) => h('div', null, h('dt', null, name), h('dd', null, value))),
            ),
            commandOf(command),
        );
    }

    function fillTab(v, part) {
        const met = App.isMet(v);
        replace(
            part.tab,
            markOf(`${met ? 'pick' : 'miss'} v${v % 6}`),
            h('span', null, App.study.versions[v].name),
            h('span', { class: 'sr' }, met ? ', met' : ', not met'),
            App.isMoved(v) && h('span', { class: 'moved', title: 'limits moved' }, '✎'),
        );
        part.tab.setAttribute('aria-selected', String(v === state.version));
        part.tab.tabIndex = v === state.version ? 0 : -1;
        part.panel.hidden = v !== state.version;
        part.reset.disabled = !App.isMoved(v);
    }

    function change() {
        parts.forEach((part, v) => {
            const pick = App.picks[v];
            const limits = App.limits(v);
            const margins = pick.limits.flatMap((l) => [Math.abs(l.room), Math.abs(l.margin)]).filter(Number.isFinite);
            const reach = Math.min(1, Math.max(0.1, ...margins));
            fillTab(v, part);
            fillVerdict(v, part, pick);
            part.limits.forEach((row, k) => {
                row.limit = limits[k];
                fillLimit(row, pick, k, reach);
            });
            fillPick(v, part, pick);
            part.scale.textContent = part.limits.length
                ? `Room under each limit, up to ${Math.round(100 * reach)} % either side`
                : '';
        });
    }

    /* --- once --- */

    function build(v) {
        const version = App.study.versions[v];
        const part = {
            tab: h('button', {
                type: 'button',
                role: 'tab',
                id: `tab-${v}`,
                'aria-controls': `panel-${v}`,
                onclick: () => choose(v),
            }),
            verdict: h('p'),
            more: h('div', { class: 'more' }),
            pick: h('div', { class: 'picked' }),
            scale: h('span'),
            limits: version.limits.map((_, k) => limitRow(v, k)),
            reset: h(
                'button',
                { type: 'button', class: 'quiet', id: `reset-${v}`, onclick: () => App.resetBounds(v) },
                'Limits as in the study',
            ),
        };
        const key = h(
            'p',
            { class: 'room-key soft' },
            part.scale,
            h('span', null, h('i', { class: 'validation' }), 'validation'),
            h('span', null, h('i', { class: 'reported' }), 'test or exact'),
        );
        part.panel = h(
            'div',
            { role: 'tabpanel', id: `panel-${v}`, 'aria-labelledby': `tab-${v}`, class: `panel v${v % 6}` },
            h('h3', { class: 'print-only' }, `Version ${version.name}`),
            version.title && h('p', { class: 'soft' }, version.title),
            part.verdict,
            part.more,
            version.limits.length ? [part.limits.map((l) => l.node), key, part.reset] : h('p', null, 'No limits.'),
            part.pick,
        );
        return part;
    }

    function choose(v) {
        state.version = v;
        App.change('version');
        announce(`Version ${App.study.versions[v].name}: ${App.verdictText(v)}`);
    }

    function tabKey(event) {
        const n = parts.length;
        const steps = { ArrowRight: state.version + 1, ArrowLeft: state.version - 1, Home: 0, End: n - 1 };
        if (!(event.key in steps)) return;
        event.preventDefault();
        choose((steps[event.key] + n) % n);
        parts[state.version].tab.focus();
    }

    function setup() {
        const { versions } = App.study;
        parts.length = 0;
        versions.forEach((_, v) => parts.push(build(v)));
        replace(
            $('version-tabs'),
            parts.map((p) => p.tab),
        );
        replace(
            $('version-panels'),
            parts.map((p) => p.panel),
            versions.length === 0 &&
                h(
                    'p',
                    { class: 'soft' },
                    'The space names no versions, so nothing is picked. Add limits under `versions:` to have a pick for each.',
                ),
        );
        $('version-tabs').onkeydown = tabKey;
    }

    return { setup, change, choose };
})();

/* The line of verdicts below the title. */
const Verdicts = {
    change() {
        replace(
            $('verdicts'),
            App.study.versions.map((version, v) => {
                const pick = App.picks[v];
                const met = App.isMet(v);
                const tight = pick.limits[pick.binding];
                const word = met
                    ? 'met'
                    : pick.kind === 'none'
                      ? 'nothing yet'
                      : pick.kind === 'chosen'
                        ? 'not met on test'
                        : 'not met';
                const margin = tight && (pick.kind === 'closest' ? tight.room : tight.margin);
                return h(
                    'li',
                    null,
                    h(
                        'button',
                        {
                            type: 'button',
                            class: `verdict-card v${v % 6} ${met ? 'met' : ''}`,
                            id: `verdict-${v}`,
                            onclick: () => {
                                Versions.choose(v);
                                $('versions').scrollIntoView({ block: 'nearest' });
                            },
                        },
                        h('span', { class: 'name' }, markOf(`${met ? 'pick' : 'miss'} v${v % 6}`), version.name),
                        h('span', { class: 'word' }, word),
                        h(
                            'span',
                            { class: 'soft' },
                            tight
                                ? `${tight.metric} ${Quantity.percent(margin)}, trial ${pick.trial}`
                                : pick.trial
                                  ? `trial ${pick.trial}`
                                  : '',
                        ),
                    ),
                );
            }),
        );
    },
};
