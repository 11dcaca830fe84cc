// Read without a pointer, a network, good eyes or a wide screen; with texts that would break a careless page.
import { statSync } from 'node:fs';
import { check, here, openStudy, same, settle, test, textOf, wait } from './harness.mjs';

const MOST_BYTES = 5e6;

async function alone(name, page) {
    await test(`${name}: opens from the disk, asks for nothing else, does not complain`, async () => {
        same(page.complaints, [], 'console');
        same(
            page.asked.filter((u) => !u.endsWith(`/${name}.html`)),
            [],
            'requests',
        );
        const hosts = await page.evaluate(() =>
            [...new Set(document.documentElement.outerHTML.match(/https?:\/\/[^"'\s<)]+/g) ?? [])].filter(
                (u) => !u.startsWith('http://www.w3.org/'),
            ),
        );
        same(hosts, [], 'hosts named');
    });
    await test(`${name}: under 5 MB`, async () => {
        const { size } = statSync(`${here}/${name}.html`);
        console.log(`${name}.html: ${(size / 1e6).toFixed(2)} MB`);
        check(size < MOST_BYTES, `${size} bytes`);
    });
}

/* Everything that can be reached by Tab, from the top of the page to its end. */
async function walk(page) {
    await page.evaluate(() => {
        scrollTo(0, 0);
        document.activeElement.blur();
    });
    const met = [];
    for (let i = 0; i < 400; i++) {
        await page.keyboard.press('Tab');
        const at = await page.evaluate(() => {
            const n = document.activeElement;
            if (n === document.body) return null;
            const box = n.getBoundingClientRect();
            const style = getComputedStyle(n);
            n.dataset.met = Number(n.dataset.met ?? 0) + 1;
            return {
                what: n.id || n.className?.baseVal || n.className || n.tagName,
                times: Number(n.dataset.met),
                seen: box.width > 0 && style.visibility === 'visible',
                ring: style.outlineStyle !== 'none' || n.type === 'range' || n.tagName === 'SELECT',
            };
        });
        if (!at || at.times > 1) break;
        met.push(at);
    }
    return met;
}

async function keyboard(page) {
    await test('Tab reaches every control, in sight, once, and leaves again', async () => {
        const met = await walk(page);
        const names = met.map((m) => m.what);
        for (const id of [
            'filter',
            'front-x',
            'front-plot',
            'tab-0',
            'limit-0-0',
            'limit-0-0-slider',
            'learning-kind',
            'importance-metric',
            'file-of',
            'trials-body',
            'page-on',
        ])
            check(names.includes(id), `${id} is not reached; met ${names.join(' ')}`);
        same(
            met.filter((m) => !m.seen).map((m) => m.what),
            [],
            'out of sight',
        );
        same(
            met.filter((m) => !m.ring).map((m) => m.what),
            [],
            'without a mark of focus',
        );
        const all = await page.evaluate(() =>
            [...document.querySelectorAll('button, input, select, a[href], summary, [tabindex="0"]')]
                .filter((n) => !n.disabled && n.tabIndex >= 0 && n.checkVisibility() && !n.dataset.met)
                .map((n) => n.id || n.outerHTML.slice(0, 60)),
        );
        same(all, [], 'never reached');
    });
}

async function named(page) {
    await test('controls have names, tables captions, images descriptions', async () => {
        const tree = await page.accessibility.snapshot({ interestingOnly: true });
        const nameless = [];
        const visit = (n) => {
            if (
                [
                    'button',
                    'textbox',
                    'combobox',
                    'checkbox',
                    'slider',
                    'tab',
                    'link',
                    'image',
                    'img',
                    'table',
                    'region',
                    'searchbox',
                ].includes(n.role) &&
                !n.name
            )
                nameless.push(n.role);
            n.children?.forEach(visit);
        };
        visit(tree);
        same(nameless, [], 'nameless');
        same(
            await page.$$eval('table', (n) => n.filter((t) => !t.caption && !t.closest('.tip')).length),
            0,
            'tables without a caption',
        );
        const levels = await page.$$eval('h1, h2, h3', (n) =>
            n.filter((x) => x.offsetParent).map((x) => Number(x.tagName[1])),
        );
        check(levels[0] === 1 && levels.every((l, i) => i === 0 || l - levels[i - 1] <= 1), `headings ${levels}`);
        same(
            await page.$$eval('[id]', (n) => n.map((x) => x.id).filter((id, i, all) => all.indexOf(id) !== i)),
            [],
            'ids given twice',
        );
        same(
            await page.$$eval('[aria-controls], [aria-labelledby], [aria-describedby]', (n) =>
                n
                    .flatMap((x) =>
                        ['aria-controls', 'aria-labelledby', 'aria-describedby'].flatMap((a) =>
                            (x.getAttribute(a) ?? '').split(' ').filter(Boolean),
                        ),
                    )
                    .filter((id) => !document.getElementById(id)),
            ),
            [],
            'references to nothing',
        );
    });
}

/* Contrast of texts with their grounds, by WCAG's formula. */
const contrasts = () => {
    const style = getComputedStyle(document.documentElement);
    const pen = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const light = (name) => {
        pen.fillStyle = style.getPropertyValue(`--${name}`);
        pen.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data]
            .map((v) => v / 255)
            .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const out = [];
    for (const ground of ['card', 'page', 'hover'])
        for (const ink of ['ink', 'soft', 'link', 'good', 'bad']) {
            const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
            if ((a + 0.05) / (b + 0.05) < 4.5) out.push(`${ink} on ${ground}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
        }
    return out;
};

async function narrow() {
    for (const name of ['versions', 'demo', 'hostile']) {
        const page = await openStudy(name, { width: 390, height: 844, phone: true });
        await test(`${name}: nothing is wider than a phone`, async () => {
            check(
                (await page.evaluate(() => document.documentElement.scrollWidth)) <= 390,
                `${await page.evaluate(() => document.documentElement.scrollWidth)} px`,
            );
            const wide = await page.evaluate(() =>
                [...document.querySelectorAll('main *')]
                    .filter(
                        (n) =>
                            !n.closest('.scroll, #knobs-chart, .links, pre, .tip, .sr, svg') &&
                            n.getBoundingClientRect().right > 391,
                    )
                    .map((n) => n.id || n.className || n.tagName),
            );
            same(wide, [], 'beyond the edge');
        });
        if (name === 'demo') {
            await test('a tap pins a trial', async () => {
                const [x, y] = await page.evaluate(() => {
                    $('front-plot').scrollIntoView({ behavior: 'instant', block: 'center' });
                    const { points, chart } = Pareto.scales();
                    const p = points.find((q) => q.row === App.best[1]);
                    const box = chart.frame.getBoundingClientRect();
                    return [box.left + p.px, box.top + p.py];
                });
                await page.touchscreen.tap(x, y);
                await settle(page);
                same(await page.evaluate(() => state.pinned.length), 1, 'pinned');
            });
        }
        await page.close();
    }
}

async function hostile() {
    const page = await openStudy('hostile');
    await alone('hostile', page);
    await test('hostile texts stay texts', async () => {
        same(await page.$$eval('script', (n) => n.length), 2, 'scripts');
        same(await page.$$eval('main img, main b[onclick], iframe', (n) => n.length), 0, 'elements from texts');
        same(await textOf(page, 'h1'), 'Title </title></script><script>alert(3)</script> & more', 'title');
        check((await page.evaluate(() => document.title)).startsWith('Title </title>'), 'title of the document');
        check((await textOf(page, '#tab-0')).includes('</script>\'"'), 'version');
        check(
            (await page.$eval('#provenance pre', (n) => n.textContent)).includes('</script><!-- \u2028 \\u003c & <b>'),
            'YAML',
        );
    });
    await test('hostile names can be filtered by and brushed', async () => {
        const text = await page.evaluate(() => {
            const c = App.study.knobs.find((k) => k.name.startsWith('</script>'));
            return `${Filter.nameOf(c.name)} = ${Filter.valueOf('ds-cnn')} and ${Filter.nameOf('learning rate (1/s)')} > 0.001`;
        });
        await page.evaluate((t) => {
            $('filter').value = t;
            $('filter').dispatchEvent(new Event('change'));
        }, text);
        await settle(page);
        check(
            await page.evaluate(() => App.rows.length > 0 && App.rows.length < App.study.nDone),
            await textOf(page, '#filter-state'),
        );
    });
    await page.close();
}

async function empty() {
    const page = await openStudy('empty');
    await alone('empty', page);
    await test('a study without trials says so', async () => {
        same(await textOf(page, '#summary'), 'No trial has finished yet.', 'summary');
        check((await textOf(page, '#provenance-body')).includes('Runs'), 'runs are told');
    });
    await page.close();
}

export async function reading() {
    const page = await openStudy('demo');
    await alone('demo', page);
    await named(page);
    await keyboard(page);
    await test('light: texts have contrast', async () => same(await page.evaluate(contrasts), [], 'too faint'));
    await page.close();
    const dark = await openStudy('demo', { scheme: 'dark' });
    await test('dark: texts have contrast', async () => same(await dark.evaluate(contrasts), [], 'too faint'));
    await wait(50);
    await dark.close();
    await narrow();
    await hostile();
    await empty();
}
