/* What is chosen: fronts, and picks by the rules of store/picks.h. */
const Choice = (() => {
    /** Which of the rows are on the front of the metrics ([{metric, maximize}]). A row without a figure is not. */
    function front(study, rows, objectives) {
        const columns = objectives.map((o) => {
            const v = study.metric(o.metric).numbers;
            return o.maximize ? v.map((x) => -x) : v;
        });
        const whole = rows.filter((i) => columns.every((c) => Number.isFinite(c[i])));
        whole.sort((a, b) => {
            for (const c of columns) if (c[a] !== c[b]) return c[a] - c[b];
            return a - b;
        });
        return columns.length === 2 ? sweep(whole, columns) : scan(whole, columns);
    }

    /* Sorted by x: a row is on the front when its y is below all before it, or it equals the last of them. */
    function sweep(rows, [x, y]) {
        const out = [];
        let least = Infinity;
        let at = NaN;
        for (const i of rows) {
            if (y[i] > least || (y[i] === least && x[i] !== at)) continue;
            out.push(i);
            [least, at] = [y[i], x[i]];
        }
        return out;
    }

    /* Sorted: a later row never dominates an earlier one. */
    function scan(rows, columns) {
        const out = [];
        for (const i of rows) {
            const beaten = out.some((j) => {
                let better = false;
                for (const c of columns) {
                    if (c[j] > c[i]) return false;
                    better ||= c[j] < c[i];
                }
                return better;
            });
            if (!beaten) out.push(i);
        }
        return out;
    }

    const isUpper = (limit) => limit.op[0] === '<';
    const holds = {
        '<': (v, b) => v < b,
        '<=': (v, b) => v <= b,
        '>': (v, b) => v > b,
        '>=': (v, b) => v >= b,
    };

    /* How far a figure is over a limit, as a part of the bound; negative: room. */
    function excess(limit, v) {
        const over = isUpper(limit) ? v - limit.bound : limit.bound - v;
        const scale = Math.abs(limit.bound);
        return over / (scale > 0 ? scale : 1);
    }

    const worst = (limits, figureOf) => limits.reduce((w, l, k) => Math.max(w, excess(l, figureOf(k))), -Infinity);

    /* The trial with the most room under the tightest limit, by validation figures; else the closest miss. */
    function choose(study, rows, limits) {
        const columns = limits.map((l) => study.metric(l.metric)?.numbers);
        const size = study.metric('size')?.numbers;
        const asked = study.picks.asked > 0;
        const means = asked ? limits.map((l) => study.seedMeans(l.metric)) : null;
        let best = null;
        let feasible = 0;
        const feasibleRows = [];
        if (columns.some((c) => !c)) return { best: null, feasible, feasibleRows };
        for (const i of rows) {
            let over = -Infinity;
            let keeps = true;
            let whole = true;
            for (let k = 0; k < limits.length; k++) {
                const v = columns[k][i];
                whole &&= !Number.isNaN(v);
                keeps &&= holds[limits[k].op](v, limits[k].bound);
                over = Math.max(over, excess(limits[k], v));
            }
            if (!whole) continue;
            if (keeps) {
                feasible++;
                feasibleRows.push(i);
            }
            const score = {
                row: i,
                keeps,
                replicated: asked && study.seeds.size[study.seeds.of[i]] >= 2,
                worst: asked ? worst(limits, (k) => means[k][i]) : over,
                size: size && !Number.isNaN(size[i]) ? size[i] : Infinity,
            };
            if (!best || isBetter(score, best)) best = score;
        }
        return { best, feasible, feasibleRows };
    }

    /* Rows come in the order of their numbers, so the first of equals stays. */
    function isBetter(a, b) {
        if (a.keeps !== b.keeps) return a.keeps;
        if (a.replicated !== b.replicated) return a.replicated;
        if (a.worst !== b.worst) return a.worst < b.worst;
        return a.size < b.size;
    }

    /** The pick of a version under these limits, and its figures on both parts. `rows`: to choose among, ascending. */
    function pick(study, rows, limits) {
        const { best, feasible, feasibleRows } = choose(study, rows, limits);
        if (!best)
            return { kind: 'none', row: -1, trial: 0, feasible, feasibleRows, met: false, binding: -1, limits: [] };
        const kind = best.keeps ? 'chosen' : 'closest';
        const told = limits.map((l) => {
            const twin = study.metric(`${l.metric}_test`);
            const value = study.figure(l.metric, best.row);
            const reported = twin ? study.figure(twin.source, best.row) : value;
            return {
                ...l,
                value,
                reported,
                exact: !twin,
                room: -excess(l, value),
                margin: -excess(l, reported),
                holds: holds[l.op](reported, l.bound),
            };
        });
        const badness = (l) => {
            const over = kind === 'closest' ? -l.room : -l.margin;
            return Number.isNaN(over) ? Infinity : over;
        };
        let binding = -1;
        told.forEach((l, k) => {
            if (binding < 0 || badness(l) > badness(told[binding])) binding = k;
        });
        const met = kind === 'chosen' && told.every((l) => l.holds);
        return {
            kind,
            row: best.row,
            trial: study.trial[best.row],
            feasible,
            feasibleRows,
            met,
            binding,
            limits: told,
        };
    }

    return { front, pick, isUpper, excess, holds };
})();
