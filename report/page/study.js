/* The study as it stands in the page: columns decoded, trials by number, what a metric is. */
class Study {
    constructor(json) {
        Object.assign(this, json);
        this.n = json.trials;
        this.column = new Map(json.columns.map((c) => [c.name, { ...c, ...Study.decode(c.data, this.n) }]));
        this.bySource = new Map([...this.column.values()].map((c) => [`${c.kind} ${c.source}`, c]));
        this.trial = this.column.get('trial').numbers;
        this.row = new Map(Array.from(this.trial, (t, i) => [t, i]));
        this.isDone = Uint8Array.from({ length: this.n }, (_, i) => this.text('state', i) === 'done');
        this.nDone = this.isDone.reduce((a, b) => a + b, 0);
        this.knobs = [...this.column.values()].filter((c) => c.kind === 'k');
        this.objectives = json.space.objectives.filter((o) => this.metric(o.metric));
        this.versions = json.space.versions;
        this.curveNames = json.curves.names;
        this.seeds = this.groupSeeds();
    }

    /* See report/column_json.h. Of a column of numbers only: `numbers`, NaN where there is none; of others `cells`. */
    static decode(data, n) {
        if (!data) return { cells: null, numbers: null };
        let cells;
        if ('f' in data) {
            const bytes = Uint8Array.from(atob(data.f), (c) => c.charCodeAt(0));
            return { cells: null, numbers: new Float64Array(bytes.buffer) };
        }
        if ('c' in data) cells = Array(n).fill(data.c);
        else if ('w' in data) cells = data.i.map((i) => data.w[i]);
        else cells = data.v;
        if (cells.some((c) => typeof c === 'string')) return { cells, numbers: null };
        return { cells: null, numbers: Float64Array.from(cells, (c) => c ?? NaN) };
    }

    static floats(base64) {
        return Study.decode({ f: base64 }).numbers;
    }

    /* A cell: number, string or null. */
    at(column, i) {
        if (column.cells) return column.cells[i];
        const v = column.numbers ? column.numbers[i] : NaN;
        return Number.isNaN(v) ? null : v;
    }

    text(name, i) {
        return String(this.at(this.column.get(name), i) ?? '');
    }

    metric(source) {
        return this.bySource.get(`m ${source}`);
    }
    knob(source) {
        return this.bySource.get(`k ${source}`);
    }

    figure(source, i) {
        return this.metric(source)?.numbers?.[i] ?? NaN;
    }

    unit(source) {
        return this.metric(source)?.unit ?? '';
    }

    isHigherBetter(source) {
        const objective = this.space.objectives.find((o) => o.metric === source);
        return objective ? objective.maximize : this.metric(source)?.better === 'higher';
    }

    /* Metrics that some trial has a figure of, those that matter most first. */
    listMetrics() {
        const first = [
            ...this.objectives.map((o) => o.metric),
            ...this.versions.flatMap((v) => v.limits.map((l) => l.metric)),
        ];
        const all = [...this.column.values()]
            .filter((c) => c.kind === 'm' && c.numbers?.some(Number.isFinite))
            .map((c) => c.source);
        return [...new Set(first.filter((m) => all.includes(m))), ...all.filter((m) => !first.includes(m))];
    }

    /* What decides: objectives and limits, each once. */
    listDeciding() {
        const metrics = [
            ...this.objectives.map((o) => o.metric),
            ...this.versions.flatMap((v) => v.limits.map((l) => l.metric)),
        ];
        return [...new Set(metrics)].filter((m) => this.metric(m));
    }

    /* "architecture = mlp, alpha = 0.06", as [name, text] pairs; knobs that do not matter to the trial are left out. */
    listKnobs(i) {
        const pairs = this.knobs.map((k) => [k.name, this.at(k, i)]).filter(([, v]) => v !== null);
        if (this.hasSeeds) pairs.push(['seed', this.text('seed', i)]);
        return pairs.map(([name, v]) => [name, String(v)]);
    }

    /* Rows of the same configuration share a group: seeds of one candidate. */
    groupSeeds() {
        const candidate = this.column.get('candidate').numbers;
        const group = new Map();
        const of = new Int32Array(this.n).fill(-1);
        const size = [];
        for (let i = 0; i < this.n; i++) {
            if (!this.isDone[i]) continue;
            if (!group.has(candidate[i])) {
                group.set(candidate[i], size.length);
                size.push(0);
            }
            of[i] = group.get(candidate[i]);
            size[of[i]]++;
        }
        const seed = this.column.get('seed');
        this.hasSeeds = new Set(seed.cells ?? seed.numbers).size > 1;
        return { of, size, n: size.length, means: new Map() };
    }

    /* Means of a metric over the seeds of each row's configuration, in the order and form of store/verdict.c. */
    seedMeans(source) {
        const { of, n, means } = this.seeds;
        if (means.has(source)) return means.get(source);
        const count = new Float64Array(n);
        const mean = new Float64Array(n);
        for (let i = 0; i < this.n; i++) {
            const g = of[i];
            if (g < 0) continue;
            count[g]++;
            mean[g] += (this.figure(source, i) - mean[g]) / count[g];
        }
        const result = Float64Array.from({ length: this.n }, (_, i) => (of[i] < 0 ? NaN : mean[of[i]]));
        means.set(source, result);
        return result;
    }
}
