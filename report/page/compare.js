/* Pinned trials beside each other. */
const Compare = (() => {
    const MOST = 8;

    function metricRows(rows) {
        const { study } = App;
        const deciding = study.listDeciding();
        const usual = [...deciding, ...deciding.map((m) => `${m}_test`)];
        return study
            .listMetrics()
            .filter(
                (m) => (state.allPinned || usual.includes(m)) && rows.some((i) => Number.isFinite(study.figure(m, i))),
            )
            .map((m) => {
                const values = rows.map((i) => study.figure(m, i));
                const side = study.isHigherBetter(m) ? Math.max : Math.min;
                const neutral = study.metric(m).better === 'neither';
                const best = side(...values.filter(Number.isFinite));
                const cells = values.map((v) => {
                    const text = Quantity.format(v, study.unit(m));
                    const wins = !neutral && v === best && values.some((w) => w !== best);
                    return wins ? h('b', { title: 'best of the pinned' }, text) : text;
                });
                return [h('span', { title: study.metric(m).help }, m), ...cells];
            });
    }

    function knobRows(rows) {
        const { study } = App;
        const all = rows.map((i) => new Map(study.listKnobs(i)));
        const names = [...new Set(all.flatMap((m) => [...m.keys()]))];
        return names.map((name) => {
            const values = all.map((m) => m.get(name) ?? '–');
            const differ = new Set(values).size > 1;
            return [name, ...values.map((v) => (differ ? h('mark', null, v) : v))];
        });
    }

    function head(trial, k) {
        return h(
            'span',
            { class: 'pinned-head' },
            h('b', null, pinLetter(k)),
            ` trial ${trial} `,
            h(
                'button',
                {
                    type: 'button',
                    class: 'quiet',
                    'aria-label': `Unpin trial ${trial}`,
                    onclick: () => App.togglePin(trial),
                },
                '×',
            ),
        );
    }

    function change() {
        const trials = state.pinned;
        const rows = trials.map((t) => App.study.row.get(t)).filter((i) => i !== undefined);
        $('pinned').classList.toggle('empty', rows.length === 0);
        $('pinned-note').textContent = rows.length
            ? 'What differs is marked; the best figure of each row is bold.'
            : '';
        if (!rows.length) {
            replace(
                $('pinned-body'),
                h(
                    'p',
                    { class: 'soft' },
                    `Pin up to ${MOST} trials to compare them: click a point, or use the buttons in the table and beside a pick.`,
                ),
            );
            return;
        }
        const table = tableOf('Pinned trials', ['', ...trials.map(head)], [...knobRows(rows), ...metricRows(rows)], {
            right: [false, ...rows.map(() => true)],
        });
        replace(
            $('pinned-body'),
            h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Pinned trials' }, table),
            h(
                'div',
                { class: 'pages' },
                h(
                    'button',
                    {
                        type: 'button',
                        class: 'quiet',
                        id: 'pinned-all',
                        'aria-pressed': String(state.allPinned),
                        onclick: () => {
                            state.allPinned = !state.allPinned;
                            change();
                            $('pinned-all').focus();
                        },
                    },
                    'All figures',
                ),
                h(
                    'button',
                    { type: 'button', class: 'quiet', id: 'unpin-all', onclick: () => App.unpinAll() },
                    'Unpin all',
                ),
            ),
        );
    }

    return { change, MOST };
})();
