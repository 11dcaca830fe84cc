/* State of the page and what follows from it. */

const state = {
    x: '',
    y: '',
    logX: undefined,
    logY: undefined,
    fit: false,
    frontBy: [],
    version: 0,
    bounds: [],
    filter: '',
    chips: new Map(),
    pinned: [],
    focus: -1,
    flipped: new Set(),
    curve: '',
    curveLog: undefined,
    explained: '',
    allSteps: false,
    fileOf: null,
    sort: { name: 'trial', descending: false },
    page: 0,
    allColumns: false,
    allStates: false,
    growthLog: undefined,
    allPinned: false,
};

const App = {
    study: null,
    rows: [] /* finished trials that pass the filter, by number */,
    others: [],
    stopped: [] /* trials that pass it and ended otherwise; those stopped early */,
    kept: null,
    front: [],
    best: [],
    picks: [],

    /* --- questions --- */

    limits(v) {
        return this.study.versions[v].limits.map((l, k) => ({
            ...l,
            bound: state.bounds[v][k],
            moved: state.bounds[v][k] !== l.bound,
        }));
    },
    isMoved(v) {
        return this.study.versions[v].limits.some((l, k) => l.bound !== state.bounds[v][k]);
    },
    filterText() {
        const parts = [
            ...(state.filter.trim() ? [state.filter.trim()] : []),
            ...[...state.chips.values()].map((c) => c.text),
        ];
        return parts.length > 1 ? parts.map((p) => (/\bor\b/i.test(p) ? `(${p})` : p)).join(' and ') : (parts[0] ?? '');
    },
    isFiltered() {
        return this.filterText() !== '';
    },
    /* Early, after an epoch or more. */
    isStopped(i) {
        return this.study.text('state', i) === 'stopped' && this.study.text('stopped_at', i) !== '0';
    },
    chipRange(key) {
        return state.chips.get(key)?.range;
    },

    /* With a confidence asked for, what the study says of its own limits counts; of moved ones only figures are known. */
    isMet(v) {
        const told = this.study.picks.list[v];
        return this.picks[v].met && (!(this.study.picks.asked > 0) || this.isMoved(v) || this.isFiltered() || told.met);
    },

    /* The words of store/picks_table.c. */
    verdictText(v) {
        const p = this.picks[v];
        if (!this.isMoved(v) && !this.isFiltered()) return this.study.picks.list[v].verdict;
        if (p.kind === 'none') return 'not met: no finished trial has all figures';
        if (p.met) return `met by trial ${p.trial}`;
        return p.kind === 'closest'
            ? `not met: closest miss is trial ${p.trial}`
            : `not met: trial ${p.trial} passes validation, fails test`;
    },

    sentence(i) {
        const { study } = this;
        const figures = study.listDeciding().map((m) => `${m} ${Quantity.format(study.figure(m, i), study.unit(m))}`);
        const picked = this.picks
            .map(
                (p, v) =>
                    p.row === i && `${p.kind === 'chosen' ? 'pick' : 'closest miss'} of ${study.versions[v].name}`,
            )
            .filter(Boolean);
        return `Trial ${study.trial[i]}: ${figures.join(', ')}. ${study
            .listKnobs(i)
            .map((p) => p.join(' '))
            .join(', ')}. ${picked.join(', ')}`;
    },

    tipFor(i, first) {
        const { study } = this;
        const metrics = [...new Set([...first, ...study.listDeciding()])].filter((m) =>
            Number.isFinite(study.figure(m, i)),
        );
        const limits = state.version < study.versions.length ? this.limits(state.version) : [];
        const row = (m) => {
            const l = limits.find((k) => k.metric === m);
            const v = study.figure(m, i);
            const fine = l && Choice.holds[l.op](v, l.bound);
            return h(
                'tr',
                null,
                h('th', null, m),
                h('td', null, Quantity.format(v, study.unit(m))),
                h(
                    'td',
                    { class: l && !fine && 'over' },
                    l ? `${fine ? '✓' : '✗'} ${Quantity.percent(-Choice.excess(l, v))}` : '',
                ),
            );
        };
        const marks = this.picks.map(
            (p, v) => p.row === i && [markOf(`${this.isMet(v) ? 'pick' : 'miss'} v${v % 6}`), study.versions[v].name],
        );
        return [
            h('b', null, `Trial ${study.trial[i]} `),
            marks,
            h('table', null, metrics.map(row)),
            h(
                'p',
                null,
                study.listKnobs(i).map(([k, v]) => [h('span', { class: 'soft' }, `${k} `), `${v} `]),
            ),
        ];
    },

    /* --- actions --- */

    focus(row) {
        if (row === state.focus) return;
        state.focus = row;
        Pareto.drawFocus();
    },

    togglePin(trial) {
        const at = state.pinned.indexOf(trial);
        if (at >= 0) state.pinned.splice(at, 1);
        else if (state.pinned.length < Compare.MOST) state.pinned.push(trial);
        announce(
            at >= 0
                ? `Trial ${trial} unpinned`
                : state.pinned.includes(trial)
                  ? `Trial ${trial} pinned as ${pinLetter(state.pinned.length - 1)}`
                  : `${Compare.MOST} trials are pinned already`,
        );
        this.change('pins');
    },
    unpinAll() {
        state.pinned = [];
        this.change('pins');
        $('front-plot').focus({ preventScroll: true });
        announce('No trial is pinned');
    },

    setBound(v, k, bound) {
        state.bounds[v][k] = bound;
        this.change('limits');
        announce(this.verdictText(v));
    },
    resetBounds(v) {
        state.bounds[v] = this.study.versions[v].limits.map((l) => l.bound);
        this.change('limits');
        announce(`Limits as in the study: ${this.verdictText(v)}`);
    },

    brush(key, text, range) {
        if (text) state.chips.set(key, { text, range });
        else state.chips.delete(key);
        this.change('filter');
        announce(text ? `Filter: ${text}; ${plural(this.rows.length, 'trial')}` : 'Range dropped');
    },

    /* --- what follows --- */

    applyFilter() {
        const { study } = this;
        const text = this.filterText();
        let test = () => true;
        let error = '';
        if (text) {
            try {
                if (state.filter.trim()) Filter.compile(study, state.filter);
                test = Filter.compile(study, text);
            } catch (e) {
                error = e.message;
                test = this.lastTest ?? test;
            }
        }
        if (!error) this.lastTest = test;
        this.kept = new Uint8Array(study.n);
        this.rows = [];
        this.others = [];
        for (let i = 0; i < study.n; i++) {
            if (!test(i)) continue;
            if (!study.isDone[i]) this.others.push(i);
            else {
                this.kept[i] = 1;
                this.rows.push(i);
            }
        }
        this.stopped = this.others.filter((i) => this.isStopped(i));
        $('filter').setAttribute('aria-invalid', String(Boolean(error)));
        $('filter-state').className = error ? 'error' : 'soft';
        replace(
            $('filter-state'),
            error || [
                `${this.rows.length.toLocaleString('en')} of ${study.nDone.toLocaleString('en')}`,
                h('span', { class: 'wide' }, study.nDone === 1 ? ' trial' : ' trials'),
            ],
        );
        replace(
            $('chips'),
            [...state.chips].map(([key, chip]) =>
                h(
                    'button',
                    {
                        type: 'button',
                        class: 'chip',
                        'aria-label': `Drop ${chip.text}`,
                        onclick: () => {
                            this.brush(key, '');
                            $('filter').focus();
                        },
                    },
                    chip.text,
                    h('span', { 'aria-hidden': 'true' }, ' ×'),
                ),
            ),
        );
        $('filter-clear').disabled = !state.filter && state.chips.size === 0;
    },

    findFronts() {
        const { study } = this;
        const objectives = study.objectives.filter((o) => state.frontBy.includes(o.metric));
        this.front = objectives.length ? Choice.front(study, [...this.rows], objectives) : [];
        this.best = Choice.front(
            study,
            [...this.rows],
            [state.x, state.y].map((metric) => ({ metric, maximize: study.isHigherBetter(metric) })),
        );
    },

    findPicks() {
        this.picks = this.study.versions.map((_, v) => Choice.pick(this.study, this.rows, this.limits(v)));
    },

    /** Brings up to date what a change of `what` concerns: what is chosen at once, the rest right after the next frame. */
    change(what) {
        const all = what === 'all';
        if (all || what === 'filter') {
            this.applyFilter();
            state.page = 0;
        }
        if (all || what === 'filter' || what === 'axes' || what === 'front') this.findFronts();
        if (all || what === 'filter' || what === 'limits') this.findPicks();
        Pareto.change();
        if (what === 'axes') return;
        Versions.change();
        Verdicts.change();
        Compare.change();
        this.later(
            Parallel,
            Curves,
            FileView,
            ...(what === 'front' || what === 'version' ? [] : [Trials]),
            ...(all ? [Growth] : []),
        );
    },

    waiting: new Set(),
    later(...parts) {
        if (this.waiting.size === 0) requestAnimationFrame(() => setTimeout(() => this.catchUp()));
        for (const p of parts) this.waiting.add(p);
    },
    /* One part a task, so that what happens in between is not kept waiting. */
    catchUp() {
        const [part] = this.waiting;
        this.waiting.delete(part);
        part?.change();
        if (this.waiting.size) setTimeout(() => this.catchUp());
    },

    /* --- beginning --- */

    chooseDefaults() {
        const { study } = this;
        const objectives = study.objectives.map((o) => o.metric);
        const metrics = study.listMetrics();
        const usual = objectives.includes('size') ? 'size' : (objectives[0] ?? metrics[0]);
        if (!metrics.includes(state.x)) state.x = usual;
        if (!metrics.includes(state.y))
            state.y = objectives.find((m) => m !== usual) ?? metrics.find((m) => m !== usual) ?? usual;
        state.frontBy = state.frontBy.length ? state.frontBy.filter((m) => objectives.includes(m)) : objectives;
        state.bounds = study.versions.map((v, k) => v.limits.map((l, j) => state.bounds[k]?.[j] ?? l.bound));
        state.version = Math.min(state.version, Math.max(0, study.versions.length - 1));
        state.focus = -1;
    },

    /** Shows a study: at the beginning, and again whenever a running one has news. */
    show(json) {
        const study = (this.study = new Study(json));
        const { space } = json;
        this.chooseDefaults();
        document.title = `${space.title || space.name} – paretune`;
        $('db').textContent = json.db;
        $('title').textContent = space.title || space.name;
        const others = study.n - study.nDone;
        const spent = Quantity.format(json.growth.total, 's');
        $('summary').textContent =
            `${plural(study.nDone, 'finished trial')}${others ? `, ${others} not` : ''}, ${spent} of processor time, ${space.objectives.map((o) => `${o.metric} ${o.maximize ? '↑' : '↓'}`).join(' ')}${json.has_writer ? '; a run is going on' : ''}`;
        $('foot').textContent =
            `Made by ${json.program} on ${json.made_at.replace('T', ' ').replace('Z', ' UTC')}. Picks are chosen by validation figures; test figures decide the verdict and never choose.`;
        if (!study.listMetrics().length) {
            this.showNothing();
            return;
        }
        document.body.classList.remove('nothing');
        for (const part of [Pareto, Versions, Parallel, Curves, Growth, Importance, Trials, Provenance]) part.setup();
        this.change('all');
    },

    showNothing() {
        document.body.classList.add('nothing');
        replace($('summary'), 'No trial has finished yet.');
        Provenance.setup();
    },
};

/* --- theme, printing, news --- */

const Theme = {
    words: { auto: 'Theme: as the system', light: 'Theme: light', dark: 'Theme: dark' },
    now: 'auto',
    set(name) {
        this.now = name;
        if (name === 'auto') delete document.documentElement.dataset.theme;
        else document.documentElement.dataset.theme = name;
        $('theme').textContent = this.words[name];
        try {
            localStorage.setItem('paretune-theme', name);
        } catch {
            /* a page on disk may have no storage */
        }
        this.repaint();
    },
    repaint() {
        Palette.read();
        Chart.changeAll();
    },
    setup() {
        let kept = null;
        try {
            kept = localStorage.getItem('paretune-theme');
        } catch {
            /* the same */
        }
        $('theme').onclick = () => {
            this.set({ auto: 'light', light: 'dark', dark: 'auto' }[this.now]);
            announce(this.words[this.now]);
        };
        matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.repaint());
        this.set(kept in this.words ? kept : 'auto');
    },
};

/* Paper is light, sharp, and shows all at once. */
const Print = {
    setup() {
        addEventListener('beforeprint', () => this.begin());
        addEventListener('afterprint', () => this.end());
    },
    begin() {
        Chart.isPrinting = true;
        document.documentElement.dataset.printing = '';
        Palette.read();
        for (const c of Chart.all) c.redraw();
    },
    end() {
        Chart.isPrinting = false;
        delete document.documentElement.dataset.printing;
        Palette.read();
        for (const c of Chart.all) c.redraw();
    },
};

/* Of a page that `paretune serve` has made: asks for data that is newer. */
const Live = {
    EVERY: 2000,
    setup() {
        const meta = document.querySelector('meta[name="paretune-live"]');
        if (!meta) return;
        this.url = meta.content;
        this.on = true;
        const button = $('live-toggle');
        button.hidden = false;
        button.onclick = () => {
            this.on = !this.on;
            button.setAttribute('aria-pressed', String(this.on));
            this.say(this.on ? 'Live' : 'Paused');
        };
        this.say('Live');
        setInterval(() => this.ask(), this.EVERY);
    },
    say(text) {
        $('live-toggle').textContent = text;
    },
    async ask() {
        if (!this.on || this.asking) return;
        this.asking = true;
        try {
            const answer = await fetch(this.url, { cache: 'no-cache' });
            const mark = answer.headers.get('ETag');
            if (!answer.ok) throw new Error(String(answer.status));
            if (mark !== this.mark) {
                const json = await answer.json();
                const kept = document.activeElement?.id;
                App.show(json);
                if (kept) $(kept)?.focus({ preventScroll: true });
                this.mark = mark;
            }
            this.say(`Live, ${new Date().toTimeString().slice(0, 8)}`);
        } catch {
            this.say('Server gone');
        } finally {
            this.asking = false;
        }
    },
};

function setupFilter() {
    const box = $('filter');
    let timer = 0;
    const apply = () => {
        clearTimeout(timer);
        state.filter = box.value;
        App.change('filter');
    };
    box.addEventListener('input', () => {
        clearTimeout(timer);
        timer = setTimeout(apply, 15);
    });
    box.addEventListener('change', apply);
    $('filter-form').addEventListener('submit', (event) => {
        event.preventDefault();
        apply();
        announce($('filter-state').textContent);
    });
    $('filter-clear').addEventListener('click', () => {
        box.value = '';
        state.chips.clear();
        apply();
        box.focus();
        announce('Filter cleared');
    });
    addEventListener('keydown', (event) => {
        if (event.key !== '/' || /^(input|textarea|select)$/i.test(event.target.tagName)) return;
        event.preventDefault();
        box.focus();
    });
}

Theme.setup();
Print.setup();
setupFilter();
App.show(JSON.parse($('study').textContent));
{
    const [first, second] = App.study
        .listDeciding()
        .filter((m) => App.study.versions[0]?.limits.some((l) => l.metric === m));
    $('filter').placeholder = first
        ? `such as ${first} ${Choice.isUpper(App.study.versions[0].limits.find((l) => l.metric === first)) ? '<' : '>'} ${Quantity.format(App.study.versions[0].limits.find((l) => l.metric === first).bound, App.study.unit(first))}${second ? ` and ${second} ...` : ''}`
        : 'such as size < 2 kB';
}
Live.setup();
