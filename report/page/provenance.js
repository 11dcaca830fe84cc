/* Where the numbers come from: runs, machines, what went wrong, the space as it was run. */
const Provenance = (() => {
    const asTable = (caption, { names, rows }, most) =>
        tableOf(
            caption,
            names.map((n) => n.replaceAll('_', ' ')),
            rows.slice(-most),
            { caption: true },
        );

    function setup() {
        const { study } = App;
        const { runs, census, failures, space } = study;
        const last = Object.fromEntries(runs.names.map((n, k) => [n, runs.rows.at(-1)?.[k]]));
        const seeds = study.column.get('seed');
        const numbers = [...new Set(seeds.cells ?? seeds.numbers)].sort((a, b) => a - b);
        const facts = [
            ['Space', `${space.name} (${space.path})`],
            ['Database', study.db],
            ['Program', `${study.program}; last run by ${last.version}, compiled by ${last.compiler}`],
            ['Processor', last.cpu],
            ['Kernels', `${last.kernels}; ${last.blas}`],
            ['System', last.system],
            ['Seeds', numbers.length > 12 ? `${numbers.length} of them` : numbers.join(', ')],
            ['Page made', study.made_at.replace('T', ' ').replace('Z', ' UTC')],
        ];
        $('provenance-note').textContent =
            `${plural(runs.rows.length, 'run')}; the same space, seeds, program and kind of machine give the same bits`;
        replace(
            $('provenance-body'),
            h(
                'dl',
                { class: 'facts' },
                facts.map(([k, v]) => h('div', null, h('dt', null, k), h('dd', null, v ?? '–'))),
            ),
            h(
                'div',
                { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Work done' },
                asTable('Trials and stages', census, 20),
            ),
            h(
                'div',
                { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Runs' },
                asTable(runs.rows.length > 20 ? `Last 20 of ${runs.rows.length} runs` : 'Runs', runs, 20),
            ),
            failures.rows.length > 0 &&
                h(
                    'div',
                    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Failures' },
                    asTable('What failed', failures, 50),
                ),
            h(
                'details',
                null,
                h('summary', null, 'The space as it was run (YAML)'),
                h('pre', { tabindex: 0 }, space.text),
            ),
        );
    }

    return { setup };
})();
