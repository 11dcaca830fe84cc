/* How the front grew with the processor time spent. */
const Growth = (() => {
    const MARGIN = { left: 54, right: 20, top: 34, bottom: 44 };
    let chart;

    const steps = () => {
        const { growth } = App.study;
        if (!growth.trial.length) return [];
        const cpu = Study.floats(growth.cpu);
        const share = Study.floats(growth.share);
        return growth.trial.map((trial, k) => ({ trial, cpu: cpu[k], share: share[k] }));
    };

    /* Time until a share of the final volume was reached. */
    const until = (list, part) => list.find((s) => s.share >= part * list.at(-1).share)?.cpu ?? 0;

    function draw() {
        const list = steps();
        const total = App.study.growth.total;
        if (list.length < 2) {
            chart.text('soft-text', chart.width / 2, chart.height / 2, 'middle', 'the front has no volume yet');
            $('progress-note').textContent = '';
            return;
        }
        const isLog = state.growthLog ?? until(list, 0.9) < 0.08 * total;
        const first = list.find((s) => s.cpu > 0)?.cpu ?? total / 1000;
        const x = new Scale(isLog ? first : 0, total, 's', isLog).span(MARGIN.left, chart.width - MARGIN.right);
        const y = new Scale(0, 1, '', false).span(chart.height - MARGIN.bottom, MARGIN.top);
        if (isLog) x.low = first / 1.3;
        else [x.low, x.high] = [0, total * 1.02];
        [y.low, y.high] = [0, 1];
        chart.axes(
            x,
            y,
            `${x.title('processor time')}${isLog ? ', log' : ''}`,
            'share of the box that the front dominates',
        );
        const start = isLog ? x.from : x.px(0);
        const inside = (cpu) => (isLog && cpu < x.low ? x.from : x.px(cpu));
        let d = `M${start} ${y.px(0)}`;
        for (const s of list) d += `H${inside(s.cpu).toFixed(1)}V${y.px(s.share).toFixed(1)}`;
        chart.put(
            svg('path', { class: 'steps area', d: `${d}H${x.px(total)}V${y.px(0)}Z` }),
            svg('path', { class: 'steps', d: `${d}H${x.px(total)}` }),
        );
        drawPicks(list, x, y);
        const last = list.at(-1);
        $('progress-note').textContent =
            `Hypervolume ${last.share.toFixed(3)} after ${Quantity.format(total, 's')} of processor time; 90 % of it after ${Quantity.format(until(list, 0.9), 's')}, 99 % after ${Quantity.format(until(list, 0.99), 's')}`;
        chart.svg.setAttribute('aria-label', $('progress-note').textContent);
    }

    function drawPicks(list, x, y) {
        const picks = App.study.picks.list;
        picks.forEach((p, v) => {
            const s = list.find((t) => t.trial === p.trial);
            const shared = picks.filter((q, k) => k > v && q.trial === p.trial).length;
            if (s)
                chart.put(
                    svg('path', {
                        class: `${p.met ? 'pick' : 'miss'} v${v % 6}`,
                        d: diamond(Math.max(x.from, x.px(s.cpu)), y.px(s.share), 6 + 4 * Math.min(shared, 3)),
                    }),
                );
        });
    }

    function setup() {
        chart = new Chart($('progress-chart'), (w) => (w < 520 ? 280 : 320), 'Progress', draw);
        const list = steps();
        const isLog = state.growthLog ?? (list.length > 1 && until(list, 0.9) < 0.08 * App.study.growth.total);
        replace(
            $('progress-controls'),
            checkOf('log time', 'progress-log', isLog, (on) => {
                state.growthLog = on;
                chart.change();
            }),
        );
        const every = Math.ceil(list.length / 40);
        const { versions, picks } = App.study;
        replace(
            $('progress-legend'),
            legendOf(
                picks.list.map(
                    (p, v) =>
                        list.some((s) => s.trial === p.trial) && [
                            `${p.met ? 'pick' : 'miss'} v${v % 6}`,
                            `${versions[v].name} found`,
                        ],
                ),
            ),
        );
        replace(
            $('progress-table'),
            tableOf(
                'Growth of the front',
                ['processor time', 'trial', 'hypervolume'],
                list
                    .filter((_, k) => k % every === 0 || k === list.length - 1)
                    .map((s) => [Quantity.format(s.cpu, 's'), s.trial, s.share.toFixed(4)]),
            ),
        );
    }

    return { setup, change: () => chart.change() };
})();
