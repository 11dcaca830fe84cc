/* All trials that pass the filter as a table: the same data as the charts, for reading, sorting and taking away. */
const Trials = (() => {
    const PAGE = 25;

    function columns() {
        const { study } = App;
        const deciding = study.listDeciding();
        const tests = deciding.map((m) => `${m}_test`).filter((m) => study.metric(m));
        const rest = study.listMetrics().filter((m) => !deciding.includes(m) && !tests.includes(m));
        const metrics = state.allColumns ? [...deciding, ...tests, ...rest] : [...deciding, ...tests];
        return [
            study.column.get('trial'),
            ...(state.allStates ? [study.column.get('state')] : []),
            ...(study.hasSeeds ? [study.column.get('seed')] : []),
            ...study.knobs,
            ...metrics.map((m) => study.metric(m)),
        ];
    }

    function sorted(list) {
        const { study } = App;
        const column = study.column.get(state.sort.name) ?? study.column.get('trial');
        const sign = state.sort.descending ? -1 : 1;
        const rank = (v) => (v === null ? 2 : typeof v === 'string' ? 1 : 0);
        return [...list].sort((a, b) => {
            const [x, y] = [study.at(column, a), study.at(column, b)];
            if (rank(x) !== rank(y)) return rank(x) - rank(y);
            return x === y || x === null ? a - b : sign * (x < y ? -1 : 1);
        });
    }

    const listed = () => sorted(state.allStates ? [...App.rows, ...App.others].sort((a, b) => a - b) : App.rows);

    function headOf(c) {
        const active = state.sort.name === c.name;
        const arrow = active ? (state.sort.descending ? ' ▼' : ' ▲') : '';
        const sort = () => {
            state.sort = { name: c.name, descending: active ? !state.sort.descending : false };
            state.page = 0;
            change();
            $('trials-body').querySelector('[data-sorted]')?.focus();
        };
        return h(
            'th',
            {
                scope: 'col',
                class: c.numbers && 'number',
                'aria-sort': active ? (state.sort.descending ? 'descending' : 'ascending') : 'none',
            },
            h(
                'button',
                { type: 'button', class: 'sort', title: c.help || null, onclick: sort, 'data-sorted': active || null },
                c.name,
                c.unit && h('span', { class: 'soft' }, ` ${c.unit}`),
                arrow,
            ),
        );
    }

    function rowOf(i, shown, front) {
        const { study } = App;
        const trial = study.trial[i];
        const pinned = state.pinned.includes(trial);
        const marks = App.picks.map((p, v) => p.row === i && markOf(`${App.isMet(v) ? 'pick' : 'miss'} v${v % 6}`));
        const names = App.picks.map((p, v) => p.row === i && study.versions[v].name).filter(Boolean);
        return h(
            'tr',
            { class: pinned && 'pinned-row' },
            h(
                'td',
                null,
                h(
                    'button',
                    {
                        type: 'button',
                        class: 'quiet pin-button',
                        'aria-pressed': String(pinned),
                        'aria-label': `${pinned ? 'Unpin' : 'Pin'} trial ${trial}`,
                        onclick: () => App.togglePin(trial),
                    },
                    pinned ? pinLetter(state.pinned.indexOf(trial)) : '+',
                ),
            ),
            shown.map((c, k) =>
                h(
                    k ? 'td' : 'th',
                    { scope: k ? null : 'row', class: c.numbers && 'number' },
                    k
                        ? cellOf(c, i)
                        : [
                              study.trial[i],
                              ' ',
                              marks,
                              names.length > 0 && h('span', { class: 'sr' }, ` ${names.join(', ')}`),
                              front.has(i) && !names.length && markOf('best'),
                          ],
                ),
            ),
        );
    }

    function cellOf(c, i) {
        const v = App.study.at(c, i);
        if (v === null) return '–';
        return typeof v === 'number' && c.kind === 'm' ? Quantity.format(v, c.unit) : String(v);
    }

    function change() {
        const list = listed();
        const pages = Math.max(1, Math.ceil(list.length / PAGE));
        const shown = columns();
        const front = new Set(App.front);
        state.page = Math.min(Math.max(0, state.page), pages - 1);
        const rows = list.slice(state.page * PAGE, (state.page + 1) * PAGE);
        $('trials-note').textContent =
            `${count(App.rows.length)} of ${plural(App.study.nDone, 'finished trial')} pass the filter; ● on the front, ◆ pick`;
        replace(
            $('trials-body'),
            h(
                'table',
                null,
                h('caption', { class: 'sr' }, 'Trials that pass the filter'),
                h(
                    'thead',
                    null,
                    h('tr', null, h('th', { scope: 'col' }, h('span', { class: 'sr' }, 'pinned')), shown.map(headOf)),
                ),
                h(
                    'tbody',
                    null,
                    rows.map((i) => rowOf(i, shown, front)),
                ),
            ),
        );
        const turn = (by, id) => () => {
            state.page += by;
            change();
            ($(id).disabled ? $('trials-body') : $(id)).focus();
        };
        replace(
            $('trials-pages'),
            h(
                'button',
                {
                    type: 'button',
                    class: 'quiet',
                    id: 'page-back',
                    disabled: state.page === 0,
                    onclick: turn(-1, 'page-back'),
                },
                'Previous',
            ),
            h('span', { role: 'status' }, `Page ${count(state.page + 1)} of ${count(pages)}`),
            h(
                'button',
                {
                    type: 'button',
                    class: 'quiet',
                    id: 'page-on',
                    disabled: state.page === pages - 1,
                    onclick: turn(1, 'page-on'),
                },
                'Next',
            ),
        );
        const filter = App.filterText();
        replace(
            $('trials-command'),
            commandOf(
                `paretune query ${shellWord(App.study.db)}${filter ? ` ${shellWord(filter)}` : ''}${state.allStates ? ' --state all' : ''}`,
            ),
        );
    }

    /* As `paretune query --format csv` gives it, of the columns that are shown. */
    function download() {
        const quote = (t) =>
            /[",\n\r]/.test(t)
                ? `"${t.replaceAll('"', '""')}"`
                : /^[=+@\t-]/.test(t) && !Number.isFinite(Number(t))
                  ? `'${t}`
                  : t;
        const shown = columns();
        const lines = [
            shown.map((c) => quote(c.name)),
            ...listed().map((i) => shown.map((c) => quote(String(App.study.at(c, i) ?? '')))),
        ];
        const link = h('a', {
            href: URL.createObjectURL(
                new Blob([`${lines.map((l) => l.join(',')).join('\n')}\n`], { type: 'text/csv' }),
            ),
            download: `${App.study.space.name}-trials.csv`,
        });
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }

    function setup() {
        replace(
            $('trials-controls'),
            checkOf('all figures', 'trials-all', state.allColumns, (on) => {
                state.allColumns = on;
                change();
            }),
            App.study.nDone < App.study.n &&
                checkOf('not finished too', 'trials-states', state.allStates, (on) => {
                    state.allStates = on;
                    change();
                }),
            h('button', { type: 'button', class: 'quiet', id: 'trials-csv', onclick: download }, 'Save as CSV'),
            h('div', { id: 'trials-command' }),
        );
    }

    return { setup, change, sorted };
})();
