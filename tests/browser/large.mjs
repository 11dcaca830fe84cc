// 10,000 trials: small enough, and how long the page takes to answer. Times are printed and not judged, since they are this
// machine's; they run from an action to the end of the frame that shows its result, least of several.
import { statSync } from 'node:fs';
import { check, here, openStudy, same, test } from './harness.mjs';

const measure = async () => {
    const frame = () =>
        new Promise((done) =>
            requestAnimationFrame(() => {
                const c = new MessageChannel();
                c.port1.onmessage = done;
                c.port2.postMessage(0);
            }),
        );
    const quiet = async () => {
        do await new Promise((done) => setTimeout(done, 150));
        while (App.waiting.size);
    };
    const write = (id, text, kind) => {
        $(id).value = text;
        $(id).dispatchEvent(new Event(kind, { bubbles: true }));
    };
    const rows = App.best;
    const actions = {
        'write a filter': [
            () => write('filter', 'size < 20 kB and accuracy > 92', 'change'),
            () => write('filter', '', 'change'),
        ],
        'move a limit': [() => write('limit-0-1-slider', 420, 'input'), () => write('limit-0-1-slider', 700, 'input')],
        'choose another axis': [() => write('front-x', 'macs', 'change'), () => write('front-x', 'size', 'change')],
        'choose objectives': [
            () => $('front-by-modelled_total_ms').click(),
            () => $('front-by-modelled_total_ms').click(),
        ],
        'point at a trial': [() => App.focus(rows[3]), () => App.focus(rows[5])],
        'pin a trial': [() => App.togglePin(App.study.trial[rows[2]]), () => App.togglePin(App.study.trial[rows[2]])],
        'choose a version': [() => $('tab-1').click(), () => $('tab-0').click()],
        'sort the table': [
            () => document.querySelectorAll('#trials-body .sort')[7].click(),
            () => document.querySelectorAll('#trials-body .sort')[7].click(),
        ],
        'turn the page': [() => $('page-on').click(), () => $('page-back').click()],
        'brush an axis': [
            () => App.brush('axis size', 'size between 2000 and 9000', [0.1, 0.4]),
            () => App.brush('axis size', ''),
        ],
    };
    const out = {};
    for (const [name, ways] of Object.entries(actions)) {
        out[name] = Infinity;
        for (let i = 0; i < 6; i++) {
            await quiet();
            await frame();
            const start = performance.now();
            ways[i % 2]();
            await frame();
            out[name] = Math.min(out[name], performance.now() - start);
        }
    }
    return out;
};

export async function large() {
    const page = await openStudy('large');
    await test('10,000 trials: under 5 MB, no complaint', async () => {
        const { size } = statSync(`${here}/large.html`);
        console.log(`large.html: ${(size / 1e6).toFixed(2)} MB`);
        check(size < 5e6, `${size} bytes`);
        same(page.complaints, [], 'console');
        same(await page.evaluate(() => App.study.nDone), 10000, 'trials');
    });
    await test("10,000 trials: picks are the program's", async () => {
        same(
            await page.evaluate(() => App.picks.map((p) => p.trial)),
            await page.evaluate(() => App.study.picks.list.map((p) => p.trial)),
            'trials',
        );
    });
    const loaded = await page.evaluate(() => performance.getEntriesByType('navigation')[0].loadEventEnd);
    console.log(`10,000 trials: shown after ${Math.round(loaded)} ms; from an action to the frame that shows it:`);
    for (const [name, ms] of Object.entries(await page.evaluate(measure)))
        console.log(`  ${name}: ${ms.toFixed(0)} ms`);
    await test('10,000 trials: no complaint after all that', async () => same(page.complaints, [], 'console'));
    await page.close();
}
