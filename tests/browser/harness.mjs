// What the tests of the page share: a count of what passed, a browser, pages that may not complain.
import { execFileSync, spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';

const { default: puppeteer } = await import(
    pathToFileURL(`${process.env.BROWSER_LIB}/lib/esm/puppeteer/puppeteer-core.js`)
);
export const bin = process.env.PARETUNE_BIN;
export const here = process.env.TEST_FOLDER;

let passed = 0;
let failed = 0;

export async function test(name, body) {
    try {
        await body();
        passed++;
    } catch (e) {
        failed++;
        console.log(`FAIL ${name}: ${e.message}\n${String(e.stack).split('\n').slice(1, 4).join('\n')}`);
    }
}

export function check(holds, what) {
    if (!holds) throw new Error(what);
}

export function same(got, want, what) {
    const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
    if (g !== w) throw new Error(`${what}: got ${g.slice(0, 300)}, want ${w.slice(0, 300)}`);
}

export const report = () => {
    console.log(`${passed} passed, ${failed} failed`);
    return failed === 0;
};

export const paretune = (...args) => execFileSync(bin, args, { encoding: 'utf8', cwd: here, maxBuffer: 1 << 28 });
export const tryParetune = (...args) => spawnSync(bin, args, { encoding: 'utf8', cwd: here, maxBuffer: 1 << 28 });
export const wait = (ms) => new Promise((done) => setTimeout(done, ms));

const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM,
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
export const closeBrowser = () => browser.close();

/** A page that keeps its complaints in page.complaints and what it asks the network for in page.asked. */
export async function open(url, { width = 1280, height = 900, scheme = 'light', phone = false } = {}) {
    const page = await browser.newPage();
    page.complaints = [];
    page.asked = [];
    page.on('console', (m) => {
        if (['error', 'warn'].includes(m.type())) page.complaints.push(m.text());
    });
    page.on('pageerror', (e) => page.complaints.push(e.message));
    page.on('dialog', (d) => {
        page.complaints.push(`dialog: ${d.message()}`);
        d.dismiss();
    });
    page.on('request', (r) => {
        if (!r.url().startsWith('data:')) page.asked.push(r.url());
    });
    await page.emulateMediaFeatures([
        { name: 'prefers-color-scheme', value: scheme },
        { name: 'prefers-reduced-motion', value: 'reduce' },
    ]);
    await page.setViewport({ width, height, deviceScaleFactor: phone ? 2 : 1, isMobile: phone, hasTouch: phone });
    await page.goto(url);
    await settle(page);
    return page;
}

/** Until everything that a change concerns has been drawn. */
export async function settle(page) {
    await page.evaluate(async () => {
        const frame = () => new Promise((done) => requestAnimationFrame(done));
        await frame();
        for (let i = 0; i < 100 && App.waiting.size; i++) await new Promise((done) => setTimeout(done, 5));
        await frame();
        await frame();
    });
}

/** Writes the page of a study and opens it from the disk. */
export async function openStudy(name, options) {
    paretune('report', `${name}.db`, '--html');
    return open(pathToFileURL(`${here}/${name}.html`).href, options);
}

/** Evaluates in the page and waits for what follows. */
export async function act(page, body, ...args) {
    const result = await page.evaluate(body, ...args);
    await settle(page);
    return result;
}

export const textOf = (page, selector) => page.$eval(selector, (n) => n.textContent.trim());
