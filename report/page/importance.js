/* What each knob bought: its share of a figure's variance, and differences between pairs that differ in it alone. */
const Importance = (() => {
    const MOST_STEPS = 12;
    const percent = (v) => `${(100 * v).toFixed(1)} %`;

    function shareBars(one) {
        const shares = [...one.shares].filter((s) => s.levels > 1).sort((a, b) => b.share - a.share);
        const most = Math.max(1e-9, ...shares.map((s) => s.share));
        return h(
            'div',
            { class: 'bars', role: 'table', 'aria-label': `Share of the variance of ${one.metric}` },
            shares.map((s) =>
                h(
                    'div',
                    { role: 'row', class: 'bar-row' },
                    h('span', { role: 'rowheader', class: 'bar-name', title: s.knob }, s.knob),
                    h(
                        'span',
                        { class: 'bar-track', 'aria-hidden': 'true' },
                        h('i', { style: { width: `${(100 * s.share) / most}%` } }),
                    ),
                    h('span', { role: 'cell', class: 'bar-value' }, percent(s.share)),
                ),
            ),
        );
    }

    /* A dot for the mean difference, a line for its interval; the side of improvement is named above. */
    function stepRow(s, reach, unit, higher) {
        const at = (v) => 50 + 48 * Math.max(-1, Math.min(1, v / reach));
        const known = s.low !== null && s.high !== null;
        const sure = known && (s.low > 0 || s.high < 0);
        const good = s.difference > 0 === higher;
        const sign = s.difference > 0 ? '+' : '−';
        const figure = `${sign}${Quantity.format(Math.abs(s.difference), unit)}`;
        return h(
            'div',
            { role: 'row', class: 'step-row' },
            h('span', { role: 'rowheader', class: 'step-name' }, h('b', null, s.knob), ` ${s.from} → ${s.to}`),
            h(
                'span',
                { class: 'whisker', 'aria-hidden': 'true' },
                h('i', { class: 'middle' }),
                known &&
                    h('i', {
                        class: 'interval',
                        style: { left: `${at(s.low)}%`, width: `${at(s.high) - at(s.low)}%` },
                    }),
                h('i', {
                    class: `dot ${sure ? (good ? 'good' : 'bad') : ''}`,
                    style: { left: `${at(s.difference)}%` },
                }),
            ),
            h(
                'span',
                { role: 'cell', class: 'step-value' },
                figure,
                h('span', { class: 'soft' }, ` ${plural(s.n, 'pair')}`),
                known &&
                    h(
                        'span',
                        { class: 'sr' },
                        `, from ${Quantity.format(s.low, unit)} to ${Quantity.format(s.high, unit)}`,
                    ),
            ),
        );
    }

    function stepList(one) {
        const unit = App.study.unit(one.metric);
        const higher = App.study.isHigherBetter(one.metric);
        const order = new Map([...one.shares].sort((a, b) => b.share - a.share).map((s, k) => [s.knob, k]));
        const steps = [...one.steps].sort((a, b) => order.get(a.knob) - order.get(b.knob));
        const shown = steps.slice(0, state.allSteps ? steps.length : MOST_STEPS);
        if (!steps.length) return h('p', { class: 'soft' }, 'No two configurations differ in one knob alone.');
        const ends = shown
            .flatMap((s) => [s.difference, s.low ?? 0, s.high ?? 0])
            .map(Math.abs)
            .sort((a, b) => a - b);
        const reach = ends[Math.floor(0.95 * (ends.length - 1))] || 1;
        return [
            h(
                'div',
                {
                    class: 'steps-list',
                    role: 'table',
                    'aria-label': `Steps of knobs and the difference of ${one.metric}`,
                },
                h(
                    'p',
                    { class: 'step-row soft', 'aria-hidden': 'true' },
                    h('span', { class: 'step-name' }),
                    h(
                        'span',
                        { class: 'sides' },
                        h('span', null, higher ? '← worse' : '← better'),
                        h('span', null, higher ? 'better →' : 'worse →'),
                    ),
                    h('span', { class: 'step-value' }),
                ),
                shown.map((s) => stepRow(s, reach, unit, higher)),
            ),
            steps.length > MOST_STEPS &&
                h(
                    'button',
                    {
                        type: 'button',
                        class: 'quiet',
                        id: 'importance-all',
                        onclick: () => {
                            state.allSteps = !state.allSteps;
                            change();
                            $('importance-all').focus();
                        },
                    },
                    state.allSteps ? 'Fewer steps' : `All ${steps.length} steps`,
                ),
        ];
    }

    function change() {
        const one = App.study.importance.find((m) => m.metric === state.explained) ?? App.study.importance[0];
        if (!one) {
            replace($('importance-body'), h('p', { class: 'soft' }, 'No finished trial has a figure to explain.'));
            return;
        }
        $('importance-note').textContent =
            `${one.metric} over ${plural(one.configurations, 'configuration')}: knobs taken one by one explain ${percent(one.explained)} of its variance; the rest is their interplay and the luck of trainings`;
        replace(
            $('importance-body'),
            h(
                'div',
                { class: 'two' },
                h('div', null, h('h3', null, 'Share of the variance'), shareBars(one)),
                h('div', null, h('h3', null, 'Mean difference between pairs, with its 95 % interval'), stepList(one)),
            ),
        );
    }

    function setup() {
        const metrics = App.study.importance.map((m) => m.metric);
        if (!metrics.includes(state.explained)) state.explained = metrics[0];
        replace(
            $('importance-controls'),
            metrics.length > 0 &&
                selectOf('Figure', 'importance-metric', metrics, state.explained, (m) => {
                    state.explained = m;
                    change();
                }),
        );
        change();
    }

    return { setup };
})();
