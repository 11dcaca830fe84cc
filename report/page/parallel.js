/* Parallel coordinates: a line for each trial across its knobs and figures. */
const Parallel = (() => {
    const TOP = 48;
    const BOTTOM = 54;
    const SIDE = 46;
    const MOST_LINES = 2000;
    let chart;
    let axes = [];
    let drag = null;

    /* A knob with few values has them evenly apart; one with many, and a metric, has a scale. */
    function axisOf(column) {
        const { study } = App;
        const values = new Set();
        for (let i = 0; i < study.n; i++) if (study.isDone[i]) values.add(study.at(column, i));
        const hasNone = values.delete(null);
        const list = [...values];
        if (column.kind === 'k' && (list.length <= 16 || list.some((v) => typeof v === 'string'))) {
            const levels = list.sort((a, b) =>
                typeof a === typeof b ? (a < b ? -1 : 1) : typeof a === 'number' ? -1 : 1,
            );
            return { column, levels, place: new Map(levels.map((v, k) => [v, (k + 0.5) / levels.length])), hasNone };
        }
        let low = Infinity;
        let high = -Infinity;
        for (const v of list) {
            low = Math.min(low, v);
            high = Math.max(high, v);
        }
        return { column, scale: new Scale(low, high, column.unit).span(0, 1), hasNone, levels: null };
    }

    function listAxes() {
        const { study } = App;
        const differs = (c) => {
            let first;
            for (let i = 0; i < study.n; i++) {
                if (!study.isDone[i]) continue;
                const v = study.at(c, i);
                if (first === undefined) first = v;
                else if (v !== first) return true;
            }
            return false;
        };
        const wanted = [...study.knobs, ...study.listDeciding().map((m) => study.metric(m))];
        if (study.hasSeeds) wanted.splice(study.knobs.length, 0, { ...study.column.get('seed'), kind: 'k' });
        return wanted
            .filter((c) => c.kind === 'm' || differs(c))
            .map(axisOf)
            .filter((a) => a.levels?.length || (a.scale && Number.isFinite(a.scale.low)));
    }

    /* From 0 at the bottom to 1; trials that share a knob's value lie a little apart, always in the same way. */
    function place(axis, i) {
        const v = App.study.at(axis.column, i);
        if (v === null) return NaN;
        let u = axis.levels
            ? axis.place.get(v) + (((Math.imul(i + 1, 2654435761) >>> 0) / 2 ** 32 - 0.5) * 0.5) / axis.levels.length
            : axis.scale.place(v);
        if (state.flipped.has(axis.column.name)) u = 1 - u;
        return u;
    }

    const bottom = () => chart.height - BOTTOM;
    const py = (u) => (Number.isNaN(u) ? bottom() + 12 : bottom() - u * (bottom() - TOP));
    const px = (k) => SIDE + (axes.length < 2 ? 0 : (k * (chart.width - 2 * SIDE)) / (axes.length - 1));

    /* Of a row, its heights on all axes, found once. */
    function heights() {
        const known = new Map();
        return (i) => {
            let list = known.get(i);
            if (!list) known.set(i, (list = axes.map((axis) => py(place(axis, i)))));
            return list;
        };
    }

    function trace(pen, ys, i) {
        ys(i).forEach((y, k) => pen[k ? 'lineTo' : 'moveTo'](px(k), y));
    }

    function draw() {
        const { study } = App;
        axes.forEach((axis, k) => drawAxis(axis, k));
        const ys = heights();
        const others = [];
        const front = new Set(App.front);
        const plain = evenly(
            App.rows.filter((i) => !front.has(i)),
            MOST_LINES,
        );
        for (let i = 0; i < study.n && others.length < 1500; i++) if (study.isDone[i] && !App.kept[i]) others.push(i);
        const alpha = Math.max(0.1, Math.min(0.4, 60 / Math.max(1, plain.length)));
        const style = (colour, a, w) => (pen) => {
            pen.strokeStyle = colour;
            pen.globalAlpha = a;
            pen.lineWidth = w;
        };
        const lines = (rows, how, then) => chart.manyLines(rows.length, how, (pen, k) => trace(pen, ys, rows[k]), then);
        lines(others, style(Palette.grid, 0.35, 1), () =>
            lines(plain, style(Palette.other, alpha, 1), () =>
                lines(App.front, style(Palette.front, App.front.length > 200 ? 0.3 : 0.6, 1.2), () => highlights(ys)),
            ),
        );
    }

    /* Picks, pinned trials and the one pointed at stand out above the lines. */
    function highlights(ys) {
        const mark = (cls, i) =>
            chart.put(
                svg('path', {
                    class: cls,
                    d: `M${ys(i)
                        .map((y, k) => `${px(k)} ${y}`)
                        .join('L')}`,
                }),
            );
        App.picks.forEach((p, v) => {
            if (p.row >= 0 && v !== state.version) mark(`trace v${v % 6} slim`, p.row);
        });
        const p = App.picks[state.version];
        if (p?.row >= 0) mark(`trace v${state.version % 6}`, p.row);
        state.pinned.forEach((trial, k) => {
            const i = App.study.row.get(trial);
            if (i === undefined) return;
            mark('trace pinned', i);
            chart.text('pin-letter', px(axes.length - 1) + 8, ys(i).at(-1) + 4, 'start', pinLetter(k));
        });
        if (state.focus >= 0) mark('trace focus-line', state.focus);
        describe();
    }

    function describe() {
        $('knobs-note').textContent =
            `${count(App.rows.length)} of ${plural(App.study.nDone, 'finished trial')} pass the filter${App.rows.length > MOST_LINES ? `; ${count(MOST_LINES)} of them and the front are drawn` : ''}`;
        chart.svg.setAttribute(
            'aria-label',
            `Parallel coordinates of ${axes.map((a) => a.column.name).join(', ')} for ${App.rows.length} trials.`,
        );
        const v = state.version;
        replace(
            $('knobs-legend'),
            legendOf([
                ['line front-line', 'front'],
                ['line other-line', 'passes the filter'],
                App.isFiltered() && ['line ghost-line', 'does not'],
                App.picks[v]?.row >= 0 && [
                    `line v${v % 6}`,
                    `${App.isMet(v) || App.picks[v].kind === 'chosen' ? 'pick' : 'closest miss'} of ${App.study.versions[v].name}`,
                ],
                state.pinned.length > 0 && ['line pinned', 'pinned'],
            ]),
        );
    }

    function drawAxis(axis, k) {
        const name = axis.column.name;
        const at = px(k);
        const flipped = state.flipped.has(name);
        const anchor = k === 0 ? 'start' : k === axes.length - 1 ? 'end' : 'middle';
        const shift = { start: -SIDE + 4, end: SIDE - 4, middle: 0 }[anchor];
        chart.rule('par-axis', at, TOP, at, bottom());
        const apart = (chart.width - 2 * SIDE) / Math.max(1, axes.length - 1);
        const most = Math.max(4, Math.floor((1.7 * apart) / 7.4));
        const better =
            axis.column.kind === 'm' ? (App.study.isHigherBetter(axis.column.source) !== flipped ? ' ↑' : ' ↓') : '';
        const short = name.length > most ? `${name.slice(0, most - 1)}…` : name;
        const up = k % 2 && apart < 150 ? 15 : 0; /* every second name stands higher */
        append(
            chart.text('axis-name', at + shift, TOP - 12 - up, anchor, short + better),
            svg('title', null, axis.scale ? axis.scale.title(name) : name),
        );
        const ticks = axis.levels
            ? axis.levels.map((v) => [axis.place.get(v), String(v)])
            : axis.scale
                  .ticks()
                  .filter((t) => t.label)
                  .map((t) => [axis.scale.place(t.at), t.label]);
        const every = Math.ceil(ticks.length / Math.floor((bottom() - TOP) / 14));
        ticks.forEach(([u, text], j) => {
            if (j % every) return;
            const y = py(flipped ? 1 - u : u);
            const long = text.length > 12 ? `${text.slice(0, 11)}…` : text;
            const right = k === axes.length - 1;
            chart.text('tick halo', right ? at - 6 : at + 6, y + 4, right ? 'end' : 'start', long);
        });
        if (axis.hasNone) chart.text('tick', at, bottom() + 26, 'middle', 'none');
        const range = App.chipRange(`axis ${name}`);
        if (range) drawRange(axis, at, range);
        drawFlip(axis, at, flipped);
    }

    function drawRange(axis, at, [low, high]) {
        const [a, b] = [
            py(state.flipped.has(axis.column.name) ? 1 - low : low),
            py(state.flipped.has(axis.column.name) ? 1 - high : high),
        ];
        chart.put(
            svg('rect', { class: 'par-range', x: at - 7, y: Math.min(a, b), width: 14, height: Math.abs(a - b) }),
        );
    }

    /* A button that the keyboard reaches. */
    function drawFlip(axis, at, flipped) {
        const name = axis.column.name;
        const turn = () => {
            if (!state.flipped.delete(name)) state.flipped.add(name);
            chart.change();
            chart.svg.querySelector(`[data-axis="${CSS.escape(name)}"]`)?.focus();
        };
        chart.put(
            svg(
                'g',
                {
                    class: 'flip',
                    tabindex: 0,
                    role: 'button',
                    'data-axis': name,
                    'aria-label': `Turn axis ${name} round`,
                    'aria-pressed': String(flipped),
                    onclick: turn,
                    onkeydown: (e) => {
                        if (e.key === 'Enter' || e.key === ' ') {
                            e.preventDefault();
                            turn();
                        }
                    },
                    onpointerdown: (e) => e.stopPropagation(),
                },
                svg('rect', { x: at - 11, y: chart.height - 22, width: 22, height: 20, rx: 4 }),
                svg('path', {
                    d: `M${at - 4} ${chart.height - 8}V${chart.height - 16}l-2.5 3m2.5 -3l2.5 3M${at + 4} ${chart.height - 16}V${chart.height - 8}l-2.5 -3m2.5 3l2.5 -3`,
                }),
            ),
        );
    }

    /* --- brushing --- */

    function axisAt([x, y]) {
        if (y < TOP - 8 || y > bottom() + 8) return -1;
        const k = axes.length < 2 ? 0 : Math.round((x - SIDE) / ((chart.width - 2 * SIDE) / (axes.length - 1)));
        return axes[k] && Math.abs(px(k) - x) < 18 ? k : -1;
    }

    const share = (y) => Math.min(1, Math.max(0, (bottom() - y) / (bottom() - TOP)));

    function press(event) {
        const at = chart.at(event);
        const k = axisAt(at);
        if (k < 0 || event.button !== 0) return;
        drag = { axis: axes[k], at: px(k), from: at[1], to: at[1], rect: svg('rect', { class: 'par-range' }) };
        chart.put(drag.rect);
        chart.frame.setPointerCapture(event.pointerId);
        event.preventDefault();
    }

    function move(event) {
        const at = chart.at(event);
        if (!drag) {
            chart.frame.style.cursor = axisAt(at) >= 0 ? 'ns-resize' : '';
            return;
        }
        drag.to = Math.min(bottom(), Math.max(TOP, at[1]));
        setAll(drag.rect, {
            x: drag.at - 7,
            y: Math.min(drag.from, drag.to),
            width: 14,
            height: Math.abs(drag.from - drag.to),
        });
    }

    function release() {
        const d = drag;
        drag = null;
        if (!d) return;
        d.rect.remove();
        const key = `axis ${d.axis.column.name}`;
        if (Math.abs(d.from - d.to) < 4) {
            App.brush(key, '');
            return;
        }
        let [low, high] = [share(Math.max(d.from, d.to)), share(Math.min(d.from, d.to))];
        if (state.flipped.has(d.axis.column.name)) [low, high] = [1 - high, 1 - low];
        App.brush(key, rangeOf(d.axis, low, high), [low, high]);
    }

    function rangeOf(axis, low, high) {
        if (!axis.levels) return rangeText(axis.column, axis.scale.value(low), axis.scale.value(high));
        const inside = axis.levels.filter((v) => axis.place.get(v) >= low && axis.place.get(v) <= high);
        return inside.length ? `${Filter.nameOf(axis.column.name)} in (${inside.map(Filter.valueOf).join(', ')})` : '';
    }

    function setup() {
        axes = listAxes();
        chart = new Chart($('knobs-chart'), (w) => (w < 520 ? 340 : 400), 'Parallel coordinates', draw);
        setAll(chart.frame, {
            class: 'frame par',
            onpointerdown: press,
            onpointermove: move,
            onpointerup: release,
            onpointercancel: () => {
                drag?.rect.remove();
                drag = null;
            },
        });
        chart.least = 62 * axes.length + 40; /* narrower than that it scrolls */
    }

    return { setup, change: () => chart.change(), state: () => ({ axes, px, chart, TOP, bottom }) };
})();
