/* The Pareto view: every trial by two figures, the front, the limits of versions and their picks. */
const Pareto = (() => {
    const MARGIN = { left: 54, right: 14, top: 34, bottom: 44 };
    const NEAR = 22;
    let chart;
    let x;
    let y;
    let points = [];
    let pointOf = new Map();
    let placed = {};
    let brush = null;

    /* Figures that matter: the middle 90 % and as much again on either side, all limits and picks; report/scatter.c. */
    function range(metric) {
        const { study } = App;
        const v = study
            .metric(metric)
            .numbers.filter((f, i) => study.isDone[i] && Number.isFinite(f))
            .sort();
        const wanted = study.versions.flatMap((s) => s.limits.filter((l) => l.metric === metric).map((l) => l.bound));
        for (const p of study.picks.list)
            if (study.row.has(p.trial)) wanted.push(study.figure(metric, study.row.get(p.trial)));
        if (state.fit) {
            const kept = App.rows.map((i) => study.figure(metric, i)).filter(Number.isFinite);
            if (kept.length) return reduceEnds(kept);
        }
        const low = v[Math.floor(v.length / 20)];
        const high = v[v.length - 1 - Math.floor(v.length / 20)];
        const spread = high - low;
        const used = [
            ...reduceEnds(v.filter((f) => f >= low - spread && f <= high + spread)),
            ...wanted.filter(Number.isFinite),
        ];
        return used.length ? [Math.min(...used), Math.max(...used)] : [0, 1];
    }

    function reduceEnds(values) {
        let low = Infinity;
        let high = -Infinity;
        for (const f of values) {
            low = Math.min(low, f);
            high = Math.max(high, f);
        }
        return low <= high ? [low, high] : [];
    }

    function fitScale(metric, log) {
        let [low, high] = range(metric);
        const isLog = low > 0 && (log ?? high / low > Scale.LOG_FACTOR);
        const higher = App.study.isHigherBetter(metric);
        const room = isLog ? (high / low) ** 0.08 : 0.08 * (high - low);
        const wasPositive = low >= 0;
        if (higher) high = isLog ? high * room : high + room;
        else low = isLog ? low / room : low - room;
        if (wasPositive) low = Math.max(low, 0);
        return new Scale(low, high, App.study.unit(metric), isLog);
    }

    const better = (metric) => `${App.study.isHigherBetter(metric) ? 'more' : 'less'} is better`;

    function fitScales() {
        const { width, height } = chart;
        x = fitScale(state.x, state.logX).span(MARGIN.left, width - MARGIN.right);
        y = fitScale(state.y, state.logY).span(height - MARGIN.bottom, MARGIN.top);
    }

    /* --- drawing --- */

    function draw() {
        const { study } = App;
        if (!study.metric(state.x) || !study.metric(state.y)) return;
        fitScales();
        placePoints();
        chart.axes(
            x,
            y,
            `${x.title(state.x)} ${x.log ? 'log, ' : ''}${better(state.x)}`,
            `${y.title(state.y)} ${y.log ? 'log, ' : ''}${better(state.y)}`,
        );
        const order = study.versions.map((_, v) => v).filter((v) => v !== state.version);
        order.push(state.version);
        for (const v of order) if (study.versions[v]) drawBox(v);
        drawCloud();
        drawSteps();
        drawBest();
        study.versions.forEach((_, v) => drawPick(v));
        drawPins();
        drawTags();
        chart.put(svg('g', { class: 'focus' }));
        drawFocus();
        describe();
    }

    function placePoints() {
        const { study } = App;
        const fx = study.metric(state.x).numbers;
        const fy = study.metric(state.y).numbers;
        const where = [state.x, state.y, x.low, x.high, x.log, y.low, y.high, y.log, chart.width, chart.height].join();
        if (where !== placed.where || placed.study !== study) {
            points = [];
            pointOf = new Map();
            for (let i = 0; i < study.n; i++) {
                if (!study.isDone[i] || !x.isInside(fx[i]) || !y.isInside(fy[i])) continue;
                const p = { row: i, px: x.px(fx[i]), py: y.px(fy[i]), kept: true };
                points.push(p);
                pointOf.set(i, p);
            }
            placed = { where, study };
        }
        for (const p of points) p.kept = App.kept[p.row] === 1;
    }

    function dots(list, r, fill, alpha) {
        const pen = chart.pen;
        const d = 2 * r;
        pen.fillStyle = fill;
        pen.globalAlpha = alpha;
        if (list.length > 2000) {
            for (const p of thin(list)) pen.fillRect(p.px - r, p.py - r, d, d);
        } else {
            pen.beginPath();
            for (const p of list) {
                pen.moveTo(p.px + r, p.py);
                pen.arc(p.px, p.py, r, 0, 7);
            }
            pen.fill();
        }
        pen.globalAlpha = 1;
    }

    /* A few dots in a place of two pixels are all that an eye can see of a cloud. */
    function thin(list) {
        const CELL = 2;
        const MOST = 2;
        const columns = Math.ceil(chart.width / CELL);
        const taken = new Uint8Array(columns * Math.ceil(chart.height / CELL));
        return list.filter((p) => taken[Math.floor(p.py / CELL) * columns + Math.floor(p.px / CELL)]++ < MOST);
    }

    function drawCloud() {
        const isFeasible = new Uint8Array(App.study.n);
        const feasible = { has: (i) => isFeasible[i] === 1 };
        for (const i of App.picks[state.version]?.feasibleRows ?? []) isFeasible[i] = 1;
        const many = points.length > 2000;
        const plain = points.filter((p) => p.kept && !feasible.has(p.row));
        dots(
            points.filter((p) => !p.kept),
            1.2,
            Palette.other,
            0.18,
        );
        dots(plain, many ? 1.4 : 2.2, Palette.other, many ? 0.4 : 0.5);
        dots(
            points.filter((p) => p.kept && feasible.has(p.row)),
            many ? 1.7 : 2.8,
            Palette.version(state.version),
            many ? 0.6 : 0.85,
        );
    }

    function drawSteps() {
        const { study } = App;
        const higherX = study.isHigherBetter(state.x);
        const higherY = study.isHigherBetter(state.y);
        const at = App.best
            .filter((i) => x.isInside(study.figure(state.x, i)) && y.isInside(study.figure(state.y, i)))
            .map((i) => [x.px(study.figure(state.x, i)), y.px(study.figure(state.y, i))])
            .sort((a, b) => (higherX ? b[0] - a[0] : a[0] - b[0]));
        if (!at.length) return;
        let d = `M${at[0][0]} ${higherY ? y.from : y.to}`;
        at.forEach(([px, py], k) => {
            d += `L${px} ${py}L${at[k + 1]?.[0] ?? (higherX ? x.from : x.to)} ${py}`;
        });
        chart.put(svg('path', { class: 'steps', d }));
    }

    function drawBest() {
        const best = new Set(App.best);
        const pen = chart.pen;
        pen.lineWidth = 1.3;
        pen.strokeStyle = Palette.front;
        pen.fillStyle = Palette.card;
        for (const i of App.front) {
            const p = pointOf.get(i);
            if (!p || best.has(i)) continue;
            pen.beginPath();
            pen.arc(p.px, p.py, 3.2, 0, 7);
            pen.globalAlpha = 0.75;
            pen.fill();
            pen.globalAlpha = 1;
            pen.stroke();
        }
        for (const i of App.best) {
            const p = pointOf.get(i);
            if (p) chart.put(svg('circle', { class: 'best', cx: p.px, cy: p.py, r: 4.5 }));
        }
    }

    /* --- versions --- */

    function boxOf(v) {
        const box = { left: x.from, right: x.to, top: y.to, bottom: y.from };
        const clamp = (s, b) =>
            Math.min(Math.max(s.px(s.log && b <= 0 ? s.low : b), Math.min(s.from, s.to)), Math.max(s.from, s.to));
        let any = false;
        for (const l of App.limits(v)) {
            if (l.metric === state.x) {
                box[Choice.isUpper(l) ? 'right' : 'left'] = clamp(x, l.bound);
                any = true;
            }
            if (l.metric === state.y) {
                box[Choice.isUpper(l) ? 'top' : 'bottom'] = clamp(y, l.bound);
                any = true;
            }
        }
        return any && box.right > box.left && box.bottom > box.top ? box : null;
    }

    function drawBox(v) {
        const b = boxOf(v);
        if (!b) return;
        chart.back.append(
            svg('rect', {
                class: `box v${v % 6} ${v === state.version ? 'chosen' : ''}`,
                x: b.left,
                y: b.top,
                width: b.right - b.left,
                height: b.bottom - b.top,
            }),
        );
    }

    /* A name stands in its box where trials cannot be: beyond the front. Names of near heights stand side by side. */
    function drawTags() {
        const placed = [];
        App.study.versions.forEach((version, v) => {
            const b = boxOf(v);
            if (!b) return;
            const lower = App.limits(v).find((l) => l.metric === state.x && !Choice.isUpper(l));
            const below = App.limits(v).find((l) => l.metric === state.y && !Choice.isUpper(l));
            const py = below ? b.bottom - 6 : b.top + 14;
            let offset = 5;
            for (const p of placed)
                if (Math.abs(p.py - py) < 15 && p.right === Boolean(lower)) offset = Math.max(offset, p.used);
            const name = version.name.length > 18 ? `${version.name.slice(0, 17)}…` : version.name;
            chart.text(`tag v${v % 6}`, lower ? b.right - offset : b.left + offset, py, lower ? 'end' : 'start', name);
            placed.push({ py, right: Boolean(lower), used: offset + 8 * name.length + 8 });
        });
    }

    /* Picks that share a place get rings of growing size. */
    function drawPick(v) {
        const p = App.picks[v];
        const at = p && pointOf.get(p.row);
        if (!at) return;
        const shared = App.picks.filter((q, k) => k > v && q.row === p.row).length;
        const r = 7 + 4 * Math.min(shared, 3);
        chart.put(
            svg('path', {
                class: `${p.kind === 'chosen' && App.isMet(v) ? 'pick' : 'miss'} v${v % 6}`,
                d: diamond(at.px, at.py, r),
            }),
        );
    }

    function drawPins() {
        state.pinned.forEach((trial, k) => {
            const p = pointOf.get(App.study.row.get(trial));
            if (!p) return;
            const picked = App.picks.filter((q) => q.row === p.row).length;
            const r = picked ? 8 + 4 * Math.min(picked, 4) : 9;
            chart.put(svg('circle', { class: 'pin', cx: p.px, cy: p.py, r }));
            chart.text('pin-letter', p.px, p.py - r - 4, 'middle', pinLetter(k));
        });
    }

    function drawFocus() {
        const group = chart.svg.querySelector('.focus');
        if (!group) return;
        group.textContent = '';
        const p = pointOf.get(state.focus);
        if (!p) {
            chart.hideTip();
            return;
        }
        append(
            group,
            svg('path', { class: 'hair', d: `M${p.px} ${p.py}V${y.from}M${p.px} ${p.py}H${x.from}` }),
            svg('circle', { class: 'ring', cx: p.px, cy: p.py, r: 7 }),
        );
        const k = chart.frame.clientWidth / chart.width;
        chart.showTip(p.px * k, p.py * k, App.tipFor(p.row, [state.x, state.y]));
    }

    function describe() {
        const { study } = App;
        const beyond = study.nDone - points.length;
        const pick = App.picks[state.version];
        const hidden = beyond > 0 ? `; ${count(beyond)} beyond the axes` : '';
        const part = [state.x, state.y].some((m) => m.endsWith('_test'))
            ? '_test: figures of the test part'
            : 'figures of the validation part';
        replace(
            $('front-note'),
            `${plural(study.nDone, 'finished trial')}, ${App.front.length} on the front of ${state.frontBy.length === study.objectives.length ? 'all' : 'the chosen'} objectives${hidden}; ${part}`,
        );
        chart.svg.setAttribute(
            'aria-label',
            `Scatter plot of ${state.y} against ${state.x}: ${App.rows.length} trials pass the filter, ${App.best.length} are the best of these two.`,
        );
        const v = `v${state.version % 6}`;
        const name = study.versions[state.version]?.name;
        const met = App.picks.some((_, k) => App.isMet(k));
        const missed = App.picks.some((p, k) => p.row >= 0 && !App.isMet(k));
        replace(
            $('front-legend'),
            legendOf([
                ['best', 'best of these two'],
                App.front.length > 0 && ['member', 'best of all objectives'],
                ['other', 'other trial'],
                pick?.feasible > 0 && [`feasible ${v}`, `keeps the limits of ${name}`],
                met && [`pick ${v}`, 'pick'],
                missed && [`miss ${v}`, 'not met'],
                state.pinned.length > 0 && ['pin', 'pinned'],
            ]),
        );
    }

    /* --- pointer and keys --- */

    function nearest([px, py]) {
        let best = null;
        let least = NEAR * NEAR;
        for (const p of points) {
            if (!p.kept) continue;
            const d = (p.px - px) ** 2 + (p.py - py) ** 2;
            if (d < least) [least, best] = [d, p];
        }
        return best;
    }

    function move(event) {
        if (brush) return stretch(event);
        App.focus(nearest(chart.at(event))?.row ?? -1);
    }

    function press(event) {
        if (event.button !== 0) return;
        const [px, py] = chart.at(event);
        const mayBrush = event.pointerType !== 'touch';
        brush = { px, py, mayBrush, moved: false, rect: svg('rect', { class: 'brush' }) };
        if (mayBrush) {
            chart.frame.setPointerCapture(event.pointerId);
            chart.put(brush.rect);
        }
    }

    function stretch(event) {
        const [px, py] = chart.at(event);
        if (!brush.mayBrush || (!brush.moved && Math.hypot(px - brush.px, py - brush.py) < 5)) return;
        brush.moved = true;
        chart.hideTip();
        const inX = (v) => Math.min(Math.max(v, x.from), x.to);
        const inY = (v) => Math.min(Math.max(v, y.to), y.from);
        brush.box = [
            inX(Math.min(px, brush.px)),
            inX(Math.max(px, brush.px)),
            inY(Math.min(py, brush.py)),
            inY(Math.max(py, brush.py)),
        ];
        const [l, r, t, b] = brush.box;
        setAll(brush.rect, { x: l, y: t, width: r - l, height: b - t });
    }

    function release(event) {
        const b = brush;
        brush = null;
        if (!b) return;
        b.rect.remove();
        if (b.moved) {
            const [l, r, t, bottom] = b.box;
            App.brush(
                'front',
                [between(state.x, x.value(l), x.value(r)), between(state.y, y.value(bottom), y.value(t))].join(' and '),
            );
            return;
        }
        const p = nearest(chart.at(event));
        if (p) App.togglePin(App.study.trial[p.row]);
    }

    function between(metric, low, high) {
        const column = App.study.metric(metric);
        return rangeText(column, Math.min(low, high), Math.max(low, high));
    }

    /* Along the front of the two; with Shift along the axis of all that pass the filter. */
    function key(event) {
        const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: 1, ArrowDown: -1 };
        const line = [...(event.shiftKey ? App.rows : App.best)]
            .filter((i) => Number.isFinite(App.study.figure(state.x, i)))
            .sort((a, b) => App.study.figure(state.x, a) - App.study.figure(state.x, b));
        const at = line.indexOf(state.focus);
        let to = null;
        if (event.key in steps) to = at < 0 ? 0 : Math.min(Math.max(at + steps[event.key], 0), line.length - 1);
        else if (event.key === 'Home') to = 0;
        else if (event.key === 'End') to = line.length - 1;
        else if ((event.key === 'Enter' || event.key === ' ') && state.focus >= 0)
            App.togglePin(App.study.trial[state.focus]);
        else if (event.key === 'Escape') App.focus(-1);
        else return;
        event.preventDefault();
        if (to === null || !line.length) return;
        App.focus(line[to]);
        announce(App.sentence(line[to]));
    }

    /* --- controls --- */

    function controls() {
        const { study } = App;
        const metrics = study.listMetrics();
        const axis = (which) => [
            selectOf(which === 'x' ? 'Across' : 'Upwards', `front-${which}`, metrics, state[which], (m) => {
                state[which] = m;
                state[which === 'x' ? 'logX' : 'logY'] = undefined;
                App.change('axes');
                controls();
            }),
        ];
        const logs = (which, label) => {
            const metric = state[which];
            const key = which === 'x' ? 'logX' : 'logY';
            const [low, high] = range(metric);
            const box = checkOf(
                label,
                `front-log-${which}`,
                low > 0 && (state[key] ?? high / low > Scale.LOG_FACTOR),
                (on) => {
                    state[key] = on;
                    App.change('axes');
                },
            );
            box.firstChild.disabled = !(low > 0);
            return box;
        };
        const objective = (o) =>
            checkOf(
                `${o.metric} ${o.maximize ? '↑' : '↓'}`,
                `front-by-${o.metric}`,
                state.frontBy.includes(o.metric),
                (on) => {
                    state.frontBy = study.objectives
                        .map((p) => p.metric)
                        .filter((m) => (m === o.metric ? on : state.frontBy.includes(m)));
                    App.change('front');
                },
            );
        const active = document.activeElement?.id;
        replace(
            $('front-controls'),
            axis('x'),
            axis('y'),
            logs('x', 'log across'),
            logs('y', 'log upwards'),
            checkOf('fit axes to filter', 'front-fit', state.fit, (on) => {
                state.fit = on;
                App.change('axes');
            }),
            study.objectives.length > 1 &&
                h('fieldset', { class: 'checks' }, h('legend', null, 'Front by'), study.objectives.map(objective)),
        );
        if (active) $(active)?.focus();
    }

    function setup() {
        chart = new Chart(
            $('front-chart'),
            (w) => (w < 520 ? Math.round(w * 1.02) : Math.min(560, Math.round(w * 0.68))),
            'Pareto view',
            draw,
        );
        setAll(chart.frame, {
            tabindex: 0,
            role: 'application',
            id: 'front-plot',
            'aria-label':
                'Pareto view. Arrow keys walk along the front, Enter pins a trial, Escape lets go. The table of trials below holds the same.',
            onpointermove: move,
            onpointerdown: press,
            onpointerup: release,
            onpointercancel: () => {
                brush?.rect.remove();
                brush = null;
            },
            onpointerleave: () => {
                if (!brush) App.focus(-1);
            },
            onkeydown: key,
        });
        controls();
    }

    return {
        setup,
        controls,
        change: () => chart.change(),
        drawFocus: () => chart.seen && drawFocus(),
        scales: () => ({ x, y, points, chart }),
    };
})();

/** "size between 1000 and 2000" with as few digits as keep the range apart. */
function rangeText(column, low, high) {
    const digits = Math.max(
        3,
        Math.ceil(-Math.log10(Math.max((high - low) / Math.max(Math.abs(high), Math.abs(low), 1e-300), 1e-9))) + 2,
    );
    const short = (v) => String(Number(v.toPrecision(Math.min(15, digits))));
    return `${Filter.nameOf(column.name)} between ${short(low)} and ${short(high)}`;
}
