/* Learning curves: what trials were like after each epoch; where pruning began and ended, and where a training was stopped. */
const Curves = (() => {
    const MARGIN = { left: 54, right: 46, top: 34, bottom: 44 };
    const titles = { val_accuracy: 'validation accuracy', val_loss: 'validation loss', train_loss: 'training loss' };
    let chart;
    let x;
    let y;
    let known = {};

    /* A trial's curves joined in the chain's order: [{epoch, v}], and where pruning was, if any. */
    function curveOf(i, kind) {
        if (known.study !== App.study || known.kind !== kind) known = { study: App.study, kind, of: new Map() };
        if (!known.of.has(i)) known.of.set(i, readCurve(i, kind));
        return known.of.get(i);
    }

    function readCurve(i, kind) {
        const { curves } = App.study;
        const ids = curves.trial[App.study.trial[i]];
        if (!ids) return null;
        const points = [];
        let prune = null;
        for (const id of ids) {
            const stage = curves.stage[id];
            if (!stage) continue;
            const row = stage.rows[kind];
            row.forEach((v, k) => {
                const epoch = k + 1 === row.length ? stage.length : (k + 1) * curves.step;
                if (v !== null) points.push([stage.offset + epoch, v]);
            });
            if (stage.prune[0] !== null) prune = stage.prune.map((e) => stage.offset + e);
        }
        return points.length ? { points, prune } : null;
    }

    const kindIndex = () => Math.max(0, App.study.curveNames.indexOf(state.curve));

    function highlighted() {
        const list = [];
        App.picks.forEach((p, v) => {
            if (p.row >= 0)
                list.push({
                    row: p.row,
                    cls: `v${v % 6}`,
                    name: App.study.versions[v].name,
                    chosen: v === state.version,
                });
        });
        state.pinned.forEach((t, k) => {
            if (App.study.row.has(t))
                list.push({ row: App.study.row.get(t), cls: 'pinned', name: pinLetter(k), chosen: true });
        });
        if (state.focus >= 0) list.push({ row: state.focus, cls: 'focus-line', name: '', chosen: true });
        return list.map((l) => ({ ...l, curve: curveOf(l.row, kindIndex()) })).filter((l) => l.curve);
    }

    function fit(all) {
        let epochs = 1;
        const values = [];
        for (const c of all)
            for (const [e, v] of c.points) {
                epochs = Math.max(epochs, e);
                if (Number.isFinite(v)) values.push(v);
            }
        const sorted = Float64Array.from(values).sort();
        const cut = Math.floor(sorted.length / 50);
        const isAccuracy = state.curve === 'val_accuracy';
        const low = sorted[isAccuracy ? cut : 0] ?? 0;
        const high = sorted[sorted.length - 1 - (isAccuracy ? 0 : cut)] ?? 1;
        x = new Scale(0, epochs, '', false).span(MARGIN.left, chart.width - MARGIN.right);
        x.low = 0;
        x.high = epochs * 1.01;
        y = new Scale(low, high, isAccuracy ? '%' : '', state.curveLog ?? !isAccuracy).span(
            chart.height - MARGIN.bottom,
            MARGIN.top,
        );
    }

    const MOST_BEHIND = 1500;

    function draw() {
        const all = [...App.rows, ...App.stopped];
        const rows = evenly(all, MOST_BEHIND);
        const behind = rows.map((i) => curveOf(i, kindIndex())).filter(Boolean);
        const front = highlighted();
        if (!behind.length && !front.length) {
            empty();
            return;
        }
        fit([...behind, ...front.map((f) => f.curve)]);
        chart.axes(
            x,
            y,
            'epoch',
            `${titles[state.curve] ?? state.curve}${y.unit ? ` (${y.unit})` : ''}${y.log ? ', log' : ''}`,
        );
        cutOff();
        const clip = (v) => Math.min(Math.max(v, y.to - 1000), y.from + 1000); /* far outside, where it is cut off */
        const alpha = Math.max(0.1, Math.min(0.4, 80 / behind.length));
        chart.manyLines(
            behind.length,
            (pen) => {
                pen.strokeStyle = Palette.other;
                pen.globalAlpha = alpha;
                pen.lineWidth = 1;
            },
            (pen, k) => {
                behind[k].points.forEach(([e, v], j) => pen[j ? 'lineTo' : 'moveTo'](x.px(e), clip(y.px(v))));
            },
        );
        for (const i of App.stopped.slice(0, MOST_BEHIND)) drawStop(i, clip);
        for (const f of front) drawHighlight(f, clip);
        drawLabels(front);
        describe(rows, front);
    }

    /* What leaves the plot is not drawn along its edge. */
    function cutOff() {
        const box = { x: x.from, y: y.to, width: x.to - x.from, height: y.from - y.to };
        chart.pen.beginPath();
        chart.pen.rect(box.x, box.y, box.width, box.height);
        chart.pen.clip();
        chart.put(svg('clipPath', { id: 'learning-clip' }, svg('rect', box)));
    }

    function drawHighlight({ row, cls, chosen, curve }, clip) {
        const { points, prune } = curve;
        const at = (e) => {
            const k = points.findIndex(([epoch]) => epoch >= e);
            return points[k < 0 ? points.length - 1 : k];
        };
        if (prune && chosen) {
            const [a, b] = [x.px(prune[0]), x.px(Math.min(prune[1], x.high))];
            chart.put(
                svg('rect', {
                    class: `prune-band ${cls}`,
                    x: a,
                    y: y.to,
                    width: Math.max(0, b - a),
                    height: y.from - y.to,
                }),
            );
        }
        chart.put(
            svg('path', {
                class: `trace ${cls} ${chosen ? '' : 'slim'}`,
                'clip-path': 'url(#learning-clip)',
                d: `M${points.map(([e, v]) => `${x.px(e).toFixed(1)} ${clip(y.px(v)).toFixed(1)}`).join('L')}`,
            }),
        );
        const mark = (kind, [e, v]) =>
            y.isInside(v) &&
            chart.put(svg('path', { class: `curve-mark ${cls} ${kind}`, d: marks[kind](x.px(e), clip(y.px(v))) }));
        if (prune) {
            mark('prune-begin', at(prune[0]));
            mark('prune-end', at(prune[1]));
        }
        const best = App.study.figure('best_epoch', row);
        if (Number.isFinite(best) && best !== points.at(-1)[0]) mark('kept', at(best));
        if (App.isStopped(row)) mark('stopped', points.at(-1));
    }

    function drawStop(i, clip) {
        const [e, v] = curveOf(i, kindIndex())?.points.at(-1) ?? [];
        if (e !== undefined && y.isInside(v))
            chart.put(svg('path', { class: 'curve-mark plain stopped', d: marks.stopped(x.px(e), clip(y.px(v)), 3) }));
    }

    const marks = {
        'prune-begin': (px, py) => `M${px - 5} ${py - 5}H${px + 5}L${px} ${py + 4}Z`,
        'prune-end': (px, py) => `M${px - 5} ${py + 5}H${px + 5}L${px} ${py - 4}Z`,
        kept: (px, py) => `M${px - 4} ${py}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z`,
        stopped: (px, py, r = 5) => `M${px - r} ${py - r}L${px + r} ${py + r}M${px + r} ${py - r}L${px - r} ${py + r}`,
    };

    /* Names at the curves' ends, moved apart. */
    function drawLabels(front) {
        const named = front
            .filter((f) => f.name)
            .map((f) => ({ ...f, py: Math.max(y.px(f.curve.points.at(-1)[1]), y.to) }))
            .sort((a, b) => a.py - b.py);
        const at = [];
        const GAP = 13;
        named.forEach((f, k) => {
            at[k] = Math.max(f.py + 4, (at[k - 1] ?? -Infinity) + GAP);
        });
        for (let k = named.length - 1, most = y.from; k >= 0; k--) {
            at[k] = Math.min(at[k], most);
            most = at[k] - GAP;
        }
        named.forEach((f, k) => {
            const [e] = f.curve.points.at(-1);
            chart.text(
                `curve-name ${f.cls}`,
                Math.min(x.px(e) + 6, chart.width - MARGIN.right + 6),
                at[k],
                'start',
                f.name.length > 6 ? `${f.name.slice(0, 5)}…` : f.name,
            );
        });
    }

    function empty() {
        replace($('learning-note'), 'No training of these trials has recorded a curve.');
        replace($('learning-legend'));
        chart.text('soft-text', chart.width / 2, chart.height / 2, 'middle', 'no learning curves');
    }

    function describe(rows, front) {
        const { study } = App;
        const step = study.curves.step;
        const pruned = front.some((f) => f.curve.prune);
        const stopped = App.stopped.length > 0;
        const kept = front.some(
            (f) =>
                Number.isFinite(study.figure('best_epoch', f.row)) &&
                study.figure('best_epoch', f.row) !== f.curve.points.at(-1)[0],
        );
        $('learning-note').textContent = [
            rows.length < App.rows.length + App.stopped.length
                ? `${count(rows.length)} of ${count(App.rows.length + App.stopped.length)} trials that pass the filter, evenly chosen`
                : plural(rows.length, 'trial'),
            stopped ? `${App.stopped.length} of them stopped early` : '',
            step > 1 ? `one epoch in ${step}` : '',
            'picks and pinned trials stand out',
        ]
            .filter(Boolean)
            .join('; ');
        chart.svg.setAttribute(
            'aria-label',
            `Learning curves, ${titles[state.curve] ?? ''}, of ${rows.length} trials.`,
        );
        replace(
            $('learning-legend'),
            legendOf([
                ['line other-line', 'trial'],
                ...study.versions.map((v, k) => App.picks[k]?.row >= 0 && [`line v${k % 6}`, `${v.name}`]),
                state.pinned.length > 0 && ['line pinned', 'pinned'],
            ]),
            pruned && h('span', null, h('span', { class: 'glyph' }, '▽ △'), 'pruning begins, ends'),
            kept && h('span', null, h('span', { class: 'glyph' }, '○'), 'weights kept'),
            stopped && h('span', null, h('span', { class: 'glyph' }, '✕'), 'stopped early'),
        );
        replace(
            $('learning-table'),
            tableOf(
                'Learning curves of picks and pinned trials',
                ['trial', 'of', 'epochs', 'first', 'best', 'last', 'pruning'],
                front.map((f) => {
                    const v = f.curve.points.map((p) => p[1]);
                    const unit = state.curve === 'val_accuracy' ? '%' : '';
                    const best = state.curve === 'val_accuracy' ? Math.max(...v) : Math.min(...v);
                    return [
                        study.trial[f.row],
                        f.name || 'pointed at',
                        f.curve.points.at(-1)[0],
                        ...[v[0], best, v.at(-1)].map((w) => Quantity.format(w, unit)),
                        f.curve.prune ? `epochs ${f.curve.prune.join(' to ')}` : 'none',
                    ];
                }),
            ),
        );
    }

    function setup() {
        const { study } = App;
        if (!study.curveNames.includes(state.curve)) state.curve = study.curveNames[0];
        chart = new Chart($('learning-chart'), (w) => (w < 520 ? 300 : 360), 'Learning curves', draw);
        replace(
            $('learning-controls'),
            selectOf(
                'Show',
                'learning-kind',
                study.curveNames.map((n) => [n, titles[n]]),
                state.curve,
                (v) => {
                    state.curve = v;
                    state.curveLog = undefined;
                    setup();
                },
            ),
            checkOf('log', 'learning-log', state.curveLog ?? state.curve !== 'val_accuracy', (on) => {
                state.curveLog = on;
                chart.change();
            }),
        );
    }

    return { setup, change: () => chart.change() };
})();
