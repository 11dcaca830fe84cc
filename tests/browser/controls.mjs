// Every control does what it says, by pointer and by keyboard.
import { act, check, openStudy, same, settle, test, textOf, wait } from './harness.mjs';

const value = (page, body, ...args) => page.evaluate(body, ...args);

/* By the pointer, where nothing lies above it. */
async function click(page, selector, options) {
    await page.$eval(selector, (n) => n.scrollIntoView({ behavior: 'instant', block: 'center' }));
    await page.click(selector, options);
}

async function choose(page, id, to) {
    await page.select(`#${id}`, to);
    await settle(page);
}

async function press(page, key, times = 1) {
    for (let i = 0; i < times; i++) await page.keyboard.press(key);
    await settle(page);
}

async function toggle(page, id) {
    await page.$eval(`#${escapeId(id)}`, (n) => n.click());
    await settle(page);
}
const escapeId = (id) => id.replace(/[^\w-]/g, (c) => `\\${c}`);

/* Where a trial of the Pareto view is, in the window. */
const spot = (row) => {
    $('front-plot').scrollIntoView({ behavior: 'instant', block: 'center' });
    const { points, chart } = Pareto.scales();
    const p = points.find((q) => q.row === row);
    const box = chart.frame.getBoundingClientRect();
    return [box.left + p.px, box.top + p.py];
};

async function pareto(page) {
    await test('axes: another metric across and upwards', async () => {
        await choose(page, 'front-x', 'macs');
        same(await value(page, () => state.x), 'macs', 'x');
        check(
            (await page.$$eval('#front-chart .axis-title', (n) => n.map((t) => t.textContent).join())).includes('macs'),
            'the axis is named',
        );
        await choose(page, 'front-x', 'size');
        await choose(page, 'front-y', 'accuracy_test');
        check((await textOf(page, '#front-note')).includes('test part'), 'test figures are called so');
        await choose(page, 'front-y', 'accuracy');
    });
    await test('axes: logarithmic and back', async () => {
        const before = await value(page, () => Pareto.scales().x.log);
        await toggle(page, 'front-log-x');
        same(await value(page, () => Pareto.scales().x.log), !before, 'log');
        await toggle(page, 'front-log-x');
        same(await value(page, () => Pareto.scales().x.log), before, 'log again');
    });
    await test('the front follows the chosen objectives', async () => {
        const all = await value(page, () => App.front.length);
        await toggle(page, 'front-by-modelled_total_ms');
        const fewer = await value(page, () => App.front.length);
        check(fewer < all && fewer > 0, `${fewer} of ${all}`);
        same(
            await value(page, () => [...App.front].sort().join()),
            await value(page, () => [...App.best].sort().join()),
            'with two objectives it is that of the plot',
        );
        await toggle(page, 'front-by-modelled_total_ms');
        same(await value(page, () => App.front.length), all, 'all again');
    });
    await test('pointing at a trial tells of it', async () => {
        const row = await value(page, () => App.best[2]);
        const [x, y] = await value(page, spot, row);
        await page.mouse.move(x, y);
        await settle(page);
        same(await value(page, () => state.focus), row, 'focus');
        const tip = await textOf(page, '#front-chart .tip');
        for (const part of await value(
            page,
            (i) => [`Trial ${App.study.trial[i]}`, ...App.study.listKnobs(i).map((p) => p[1]), 'accuracy'],
            row,
        ))
            check(tip.includes(part), `the tip lacks ${part}`);
        await page.mouse.move(5, 5);
        await settle(page);
        same(await page.$eval('#front-chart .tip', (n) => n.hidden), true, 'the tip goes');
    });
    await test('a click pins, another one lets go', async () => {
        const [x, y] = await value(page, spot, await value(page, () => App.best[2]));
        await page.mouse.click(x, y);
        await settle(page);
        same(await value(page, () => state.pinned.length), 1, 'pinned');
        check((await textOf(page, '#pinned-body')).includes('architecture'), 'compared in a table');
        await page.mouse.click(x, y);
        await settle(page);
        same(await value(page, () => state.pinned.length), 0, 'not pinned');
    });
    await test('pinned trials are compared, and let go at once', async () => {
        await act(page, () => {
            for (const i of App.front.slice(0, 3)) App.togglePin(App.study.trial[i]);
        });
        same(await page.$$eval('#pinned-body thead th', (n) => n.length), 4, 'columns');
        check((await page.$$('#pinned-body mark')).length > 0, 'what differs is marked');
        const few = (await page.$$('#pinned-body tbody tr')).length;
        await toggle(page, 'pinned-all');
        check((await page.$$('#pinned-body tbody tr')).length > few, 'all figures');
        await click(page, '#pinned-body thead button');
        await settle(page);
        same(await value(page, () => state.pinned.length), 2, 'one fewer');
        await toggle(page, 'unpin-all');
        same(await value(page, () => state.pinned.length), 0, 'none');
    });
    await test('no more than eight are pinned', async () => {
        await act(page, () => {
            for (let i = 0; i < 12; i++) App.togglePin(App.study.trial[App.rows[i]]);
        });
        same(await value(page, () => state.pinned.length), 8, 'pinned');
        await act(page, () => App.unpinAll());
    });
    await test('dragging a box filters by two ranges', async () => {
        const box = await page.$eval('#front-plot', (n) => {
            n.scrollIntoView({ behavior: 'instant', block: 'center' });
            const b = n.getBoundingClientRect();
            return [b.left, b.top, b.width, b.height];
        });
        await page.mouse.move(box[0] + 0.3 * box[2], box[1] + 0.3 * box[3]);
        await page.mouse.down();
        await page.mouse.move(box[0] + 0.7 * box[2], box[1] + 0.8 * box[3], { steps: 4 });
        await page.mouse.up();
        await settle(page);
        const [kept, all] = await value(page, () => [App.rows.length, App.study.nDone]);
        check(kept > 0 && kept < all, `${kept} of ${all}`);
        same(
            await value(page, () => App.rows.every((i) => Filter.compile(App.study, state.chips.get('front').text)(i))),
            true,
            'all kept ones are in the box',
        );
        await toggle(page, 'front-fit');
        check((await value(page, () => Pareto.scales().points.length)) < all, 'axes fit the filter');
        await toggle(page, 'front-fit');
        await click(page, '.chip');
        await settle(page);
        same(await value(page, () => App.rows.length), all, 'all again');
    });
    await test('keys walk along the front, pin and let go', async () => {
        await page.focus('#front-plot');
        await press(page, 'ArrowRight');
        await press(page, 'ArrowRight', 2);
        const row = await value(page, () => state.focus);
        check(await value(page, (i) => App.best.includes(i), row), 'on the front');
        await wait(200);
        const said = await textOf(page, '#announce');
        check(said.startsWith(await value(page, (i) => `Trial ${App.study.trial[i]}:`, row)), `said: ${said}`);
        await press(page, 'Enter');
        same(await value(page, () => state.pinned.length), 1, 'pinned');
        await press(page, 'End');
        check((await value(page, () => state.focus)) !== row, 'End goes on');
        await press(page, 'Home');
        await press(page, 'Escape');
        same(await value(page, () => state.focus), -1, 'let go');
        await act(page, () => App.unpinAll());
    });
}

async function versions(page) {
    await test('tabs: by pointer and by arrows, one in the tab order', async () => {
        await click(page, '#tab-1');
        await settle(page);
        same(
            await page.$$eval('[role=tabpanel]', (n) => n.filter((p) => !p.hidden).map((p) => p.id)),
            ['panel-1'],
            'panels',
        );
        await press(page, 'ArrowRight');
        same(await value(page, () => [state.version, document.activeElement.id]), [2, 'tab-2'], 'arrow');
        same(await page.$$eval('[role=tab]', (n) => n.filter((t) => t.tabIndex === 0).length), 1, 'in the tab order');
        await press(page, 'Home');
        same(await value(page, () => state.version), 0, 'Home');
    });
    await test('cards of verdicts lead to their version', async () => {
        await click(page, '#verdict-2');
        await settle(page);
        same(await value(page, () => state.version), 2, 'version');
        await click(page, '#verdict-0');
        await settle(page);
    });
    await test('a slider moves the limit, what is feasible and the pick', async () => {
        const before = await value(page, () => [App.picks[0].feasible, App.picks[0].trial]);
        await page.focus('#limit-0-1-slider');
        await press(page, 'Home');
        const after = await value(page, () => [App.picks[0].feasible, App.picks[0].kind, App.isMoved(0)]);
        check(after[0] < before[0] && after[2], `${before} then ${after}`);
        same(after[1], 'closest', 'nothing is as small as that');
        check((await textOf(page, '#panel-0 .more')).includes('it would take'), 'says what would have to change');
        check(
            (await textOf(page, '#panel-0 .command code')).match(/^paretune export usual\.db \d+$/),
            'the command names the trial',
        );
        await click(page, '#reset-0');
        await settle(page);
        same(await value(page, () => [App.picks[0].feasible, App.picks[0].trial]), before, 'as in the study');
    });
    await test('a limit can be written, with units; nonsense is refused with words', async () => {
        const write = async (text) => {
            await click(page, '#limit-0-1', { count: 3 });
            await page.keyboard.type(text);
            await press(page, 'Enter');
        };
        await write('6 kB');
        same(await value(page, () => state.bounds[0][1]), 6000, 'bound');
        same(
            await value(
                page,
                () =>
                    App.rows.filter((i) =>
                        App.limits(0).every((l) => Choice.holds[l.op](App.study.figure(l.metric, i), l.bound)),
                    ).length,
            ),
            await value(page, () => App.picks[0].feasible),
            'feasible',
        );
        await write('6 KB');
        same(await page.$eval('#limit-0-1', (n) => n.getAttribute('aria-invalid')), 'true', 'refused');
        check((await textOf(page, '#limit-0-1-note')).includes('read both ways'), 'told why');
        same(await value(page, () => state.bounds[0][1]), 6000, 'the bound stays');
        await write('7 kB');
        same(await textOf(page, '#limit-0-1-note'), '', 'fine again');
        await click(page, '#reset-0');
        await settle(page);
    });
    await test('the button beside the pick pins it', async () => {
        await click(page, '#panel-0 .picked button');
        await settle(page);
        same(await value(page, () => state.pinned[0] === App.picks[0].trial), true, 'pinned');
        await act(page, () => App.unpinAll());
    });
}

async function filter(page) {
    await test('the filter box: result, mistake, clearing', async () => {
        await page.focus('#filter');
        await page.keyboard.type('accuracy > 92');
        await wait(60);
        await settle(page);
        const kept = await value(page, () => App.rows.length);
        check(kept > 0 && kept < (await value(page, () => App.study.nDone)), `${kept}`);
        same((await textOf(page, '#filter-state')).startsWith(`${kept} of`), true, 'count');
        check((await textOf(page, '#trials-command')).includes('query '), 'the command');
        await page.keyboard.type(' and szie < 3');
        await wait(60);
        await settle(page);
        check(
            (await textOf(page, '#filter-state')).includes("did you mean 'size'"),
            await textOf(page, '#filter-state'),
        );
        same(await page.$eval('#filter', (n) => n.getAttribute('aria-invalid')), 'true', 'invalid');
        same(await value(page, () => App.rows.length), kept, 'the last good filter stays');
        await click(page, '#filter-clear');
        await settle(page);
        same(await value(page, () => App.rows.length === App.study.nDone && !App.isFiltered()), true, 'cleared');
    });
    await test('a slash goes to the filter', async () => {
        await page.evaluate(() => document.activeElement.blur());
        await press(page, '/');
        same(await value(page, () => document.activeElement.id), 'filter', 'focus');
    });
}

async function parallel(page) {
    await page.$eval('#knobs', (n) => n.scrollIntoView({ behavior: 'instant', block: 'center' }));
    await wait(150);
    await settle(page);
    await test('an axis is turned round, by keyboard too', async () => {
        await page.$eval('#knobs-chart .flip', (n) => n.focus());
        await press(page, 'Enter');
        same(await value(page, () => state.flipped.size), 1, 'turned');
        same(await page.$eval('#knobs-chart .flip', (n) => n.getAttribute('aria-pressed')), 'true', 'said');
        await press(page, 'Enter');
        same(await value(page, () => state.flipped.size), 0, 'back');
    });
    await test('dragging along an axis keeps a range, a click drops it', async () => {
        for (const [k, part] of [
            [0, 'architecture in ('],
            [-1, 'between'],
        ]) {
            const [x, top, bottom] = await value(
                page,
                (k) => {
                    const { axes, px, chart, TOP, bottom } = Parallel.state();
                    const box = chart.frame.getBoundingClientRect();
                    return [box.left + px(k < 0 ? axes.length + k : k), box.top + TOP, box.top + bottom()];
                },
                k,
            );
            await page.mouse.move(x, top + 4);
            await page.mouse.down();
            await page.mouse.move(x, top + 0.45 * (bottom - top), { steps: 3 });
            await page.mouse.up();
            await settle(page);
            const text = await value(page, () => App.filterText());
            check(text.includes(part), `${part}: ${text}`);
            check(await value(page, () => App.rows.length < App.study.nDone), 'fewer');
            await page.mouse.click(x, top + 10);
            await settle(page);
            same(await value(page, () => App.filterText()), '', 'dropped');
        }
    });
}

async function others(page) {
    await test('learning curves: each kind, logarithmic or not', async () => {
        for (const kind of await value(page, () => App.study.curveNames)) {
            await page.$eval('#learning', (n) => n.scrollIntoView({ behavior: 'instant' }));
            await choose(page, 'learning-kind', kind);
            await wait(120);
            check(
                (await page.$eval('#learning-chart svg[role=img]', (n) => n.getAttribute('aria-label'))).includes(
                    'Learning curves',
                ),
                'described',
            );
            check((await page.$$('#learning-chart .trace')).length > 0, 'picks stand out');
        }
        const before = await value(page, () => state.curveLog);
        await toggle(page, 'learning-log');
        check((await value(page, () => state.curveLog)) !== before, 'log');
    });
    await test('learning curves: pruning and early stops are marked', async () => {
        await act(page, () => {
            const i = App.rows.find((r) => App.study.figure('sparsity', r) > 40);
            App.togglePin(App.study.trial[i]);
        });
        await wait(100);
        check(
            (await page.$$('#learning-chart .prune-begin')).length > 0 &&
                (await page.$$('#learning-chart .prune-end')).length > 0,
            'pruning',
        );
        same(
            (await page.$$('#learning-chart .plain.stopped')).length,
            await value(page, () => App.stopped.length),
            'stops',
        );
        check(await value(page, () => App.stopped.length > 0), 'there are stops');
        await act(page, () => App.unpinAll());
    });
    await test('growth: logarithmic or not', async () => {
        await page.$eval('#progress', (n) => n.scrollIntoView({ behavior: 'instant' }));
        await wait(100);
        const before = await page.$$eval('#progress-chart .tick', (n) => n.map((t) => t.textContent).join());
        await toggle(page, 'progress-log');
        check(
            before !== (await page.$$eval('#progress-chart .tick', (n) => n.map((t) => t.textContent).join())),
            'another axis',
        );
    });
    await test('importance: of another figure, all steps', async () => {
        await choose(page, 'importance-metric', 'size');
        check((await textOf(page, '#importance-note')).startsWith('size'), 'named');
        const few = (await page.$$('#importance-body .step-row')).length;
        await toggle(page, 'importance-all');
        check((await page.$$('#importance-body .step-row')).length > few, 'all steps');
        await toggle(page, 'importance-all');
    });
    await test('bytes: of another trial', async () => {
        const other = await page.$eval('#file-of', (n) => n.options[n.options.length - 1].value);
        await choose(page, 'file-of', other);
        check((await textOf(page, '#file-note')).startsWith(`Trial ${other}`), 'named');
        check((await page.$$('#file-body .bar-row')).length > 3, 'bars');
    });
}

async function trials(page) {
    const column = (name) =>
        page.$$eval('#trials-body tbody tr', (rows, at) => rows.map((r) => r.children[at].textContent), name);
    await test('trials: sorted up and down by a head', async () => {
        await page.$$eval('#trials-body .sort', (n) => n.find((b) => b.textContent.startsWith('size')).click());
        const at = await page.$$eval('#trials-body thead th', (n) =>
            n.findIndex((t) => t.textContent.startsWith('size')),
        );
        const sizes = await value(page, () => Trials.sorted(App.rows).map((i) => App.study.figure('size', i)));
        same(
            sizes,
            [...sizes].sort((a, b) => a - b),
            'ascending',
        );
        same((await column(at))[0], await value(page, (v) => Quantity.format(v, 'B'), sizes[0]), 'shown');
        same(
            await page.$eval('#trials-body [aria-sort=ascending]', (n) => n.textContent.startsWith('size')),
            true,
            'said',
        );
        await page.$$eval('#trials-body .sort', (n) => n.find((b) => b.textContent.startsWith('size')).click());
        same((await column(at))[0], await value(page, (v) => Quantity.format(v, 'B'), sizes.at(-1)), 'descending');
    });
    await test('trials: pages', async () => {
        await click(page, '#page-on');
        same(await textOf(page, '#trials-pages span').then((t) => t.startsWith('Page 2 of')), true, 'second');
        await click(page, '#page-back');
        same(await page.$eval('#page-back', (n) => n.disabled), true, 'first');
    });
    await test('trials: all figures, other states, pins', async () => {
        const few = (await page.$$('#trials-body thead th')).length;
        await toggle(page, 'trials-all');
        check((await page.$$('#trials-body thead th')).length > few, 'all figures');
        await toggle(page, 'trials-all');
        await toggle(page, 'trials-states');
        check((await textOf(page, '#trials-command')).includes('--state all'), 'the command says so');
        await toggle(page, 'trials-states');
        await click(page, '#trials-body .pin-button');
        await settle(page);
        same(await value(page, () => state.pinned.length), 1, 'pinned');
        await act(page, () => App.unpinAll());
    });
    await test('trials: saved as CSV', async () => {
        const text = await value(page, async () => {
            let blob;
            const make = URL.createObjectURL;
            URL.createObjectURL = (b) => {
                blob = b;
                return make.call(URL, b);
            };
            HTMLAnchorElement.prototype.click = () => {};
            $('trials-csv').click();
            URL.createObjectURL = make;
            return blob.text();
        });
        const lines = text.trim().split('\n');
        same(lines.length, 1 + (await value(page, () => App.rows.length)), 'rows');
        check(lines[0].startsWith('trial,') && lines[0].includes('accuracy'), lines[0]);
    });
}

async function look(page) {
    await test('theme: as the system, light, dark', async () => {
        const ground = () => value(page, () => getComputedStyle(document.body).backgroundColor);
        const [auto] = [await ground()];
        await click(page, '#theme');
        same(await ground(), auto, 'light');
        await click(page, '#theme');
        check((await ground()) !== auto, 'dark');
        same(await value(page, () => Palette.front), '#56b4e9', 'charts too');
        await click(page, '#theme');
        same(await ground(), auto, 'as the system');
    });
    await test('paper: light, all versions, no controls', async () => {
        await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
        const pdf = await page.pdf({ format: 'A4', printBackground: true });
        check(pdf.length > 30000, `${pdf.length} bytes`);
        await page.emulateMediaType('print');
        same(await page.$$eval('[role=tabpanel]', (n) => n.every((p) => p.offsetHeight > 0)), true, 'all versions');
        same(
            await page.$$eval('.bar, .controls, #theme', (n) => n.every((p) => p.offsetHeight === 0)),
            true,
            'no controls',
        );
        await page.emulateMediaType(null);
        await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }]);
        await settle(page);
    });
}

export async function controls() {
    const page = await openStudy('usual');
    for (const part of [pareto, versions, filter, parallel, others, trials, look]) await part(page);
    await test('no complaint after all that', async () => same(page.complaints, [], 'console'));
    await page.close();
}
