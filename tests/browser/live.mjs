// paretune serve: the page follows a running study; whoever is not the browser of this machine is turned away.
import { spawn } from 'node:child_process';
import net from 'node:net';
import { bin, check, here, open, same, test, textOf, tryParetune, wait } from './harness.mjs';

function start(db) {
    const child = spawn(bin, ['serve', db, '--port', '0'], { cwd: here, stdio: ['ignore', 'pipe', 'inherit'] });
    return new Promise((done, fail) => {
        child.once('exit', (code) => fail(new Error(`serve ended with ${code}`)));
        child.stdout.once('data', (text) => done({ child, port: Number(/:(\d+)\//.exec(text)[1]) }));
    });
}

/* What comes back for bytes written to the port; '' when the connection is closed without a word. */
function raw(port, bytes, patience = 1500) {
    return new Promise((done) => {
        let got = '';
        const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
        const end = () => {
            socket.destroy();
            done(got.slice(0, 400));
        };
        socket.on('data', (d) => {
            got += d.toString('latin1');
        });
        socket.on('close', end);
        socket.on('error', end);
        setTimeout(end, patience);
    });
}

const get = (path, head = 'Host: localhost') => `GET ${path} HTTP/1.1\r\n${head}\r\n\r\n`;
const hostileRequests = [
    ['the page', get('/'), 200],
    ['a query is ignored', get('/?x=1'), 200],
    ['the data', get('/data.json', 'Host: 127.0.0.1:9'), 200],
    ['by its IPv6 name', get('/data.json', 'Host: [::1]:80'), 200],
    ['another name', get('/', 'Host: evil.example'), 421],
    ['a name that begins like ours', get('/', 'Host: localhost.evil.example'), 421],
    ['a port that is none', get('/', 'Host: localhost:80x'), 421],
    ['no name', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two names', get('/', 'Host: localhost\r\nHost: localhost'), 400],
    ['POST', 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n', 405],
    ['HEAD', 'HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n', 405],
    ['a file', get('/../../etc/passwd'), 404],
    ['an escaped file', get('/%2e%2e/etc/passwd'), 404],
    ['a long path', get(`/${'a'.repeat(3000)}`), 404],
    ['no path', 'GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['another protocol', 'GET / HTTP/3.0\r\nHost: localhost\r\n\r\n', 505],
    ['a body', get('/', 'Host: localhost\r\nContent-Length: 5'), 400],
    ['pieces', get('/', 'Host: localhost\r\nTransfer-Encoding: chunked'), 400],
    ['a folded line', get('/', 'Host: localhost\r\n folded'), 400],
    ['a control character', get('/', 'Host: local\u0001host'), 400],
    ['too much', `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(9000)}`, 431],
    ['noise', '\u0016\u0003\u0001\u0000\u00ff\r\n\r\n', 400],
    ['line ends alone', 'GET / HTTP/1.1\nHost: localhost\n\n', 0],
];

export async function live() {
    tryParetune('run', 'demo.yaml', '--db', 'live.db', '--max-trials', '12', '-q'); // exit code 3: a version is not met
    const { child, port } = await start('live.db');
    const page = await open(`http://127.0.0.1:${port}/`);
    await test('serve: the page is shown', async () => {
        same(await page.evaluate(() => App.study.nDone), 12, 'trials');
        same(page.complaints, [], 'console');
    });
    await test('serve: news come by themselves, and what was chosen stays', async () => {
        await page.evaluate(() => {
            state.pinned = [App.study.trial[2]];
            $('filter').value = 'size > 1';
            $('filter').dispatchEvent(new Event('change'));
            Versions.choose(1);
        });
        tryParetune('run', 'demo.yaml', '--db', 'live.db', '-q');
        for (let i = 0; i < 60 && (await page.evaluate(() => App.study.nDone)) !== 58; i++) await wait(200);
        same(await page.evaluate(() => App.study.nDone), 58, 'trials');
        same(await page.evaluate(() => [state.pinned.length, state.version, App.isFiltered()]), [1, 1, true], 'state');
        check((await textOf(page, '#live-toggle')).startsWith('Live'), 'says so');
        await page.click('#live-toggle');
        same(await textOf(page, '#live-toggle'), 'Paused', 'paused');
        same(page.complaints, [], 'console');
    });
    await test('serve: what has not changed is not sent again', async () => {
        const url = `http://127.0.0.1:${port}/data.json`;
        const first = await fetch(url);
        const mark = first.headers.get('etag');
        check((await first.json()).trials === 58, 'data');
        same((await fetch(url, { headers: { 'If-None-Match': mark } })).status, 304, 'status');
    });
    for (const [what, bytes, want] of hostileRequests) {
        await test(`serve: ${what}`, async () => {
            const got = await raw(port, bytes, want ? 4000 : 300);
            same(want ? Number(got.slice(9, 12)) : got, want || '', 'answer');
        });
    }
    await test('serve: silent connections do not keep others waiting', async () => {
        const silent = Array.from({ length: 20 }, () => net.connect(port, '127.0.0.1'));
        await wait(100);
        same((await raw(port, get('/data.json'), 4000)).slice(9, 12), '200', 'answer');
        silent.forEach((s) => s.destroy());
    });
    await test('serve: only this machine is listened to', async () => {
        const { networkInterfaces } = await import('node:os');
        const other = Object.values(networkInterfaces())
            .flat()
            .find((a) => a.family === 'IPv4' && !a.internal);
        if (!other) return;
        const refused = await new Promise((done) => {
            const s = net.connect(port, other.address, () => {
                s.destroy();
                done(false);
            });
            s.on('error', () => done(true));
        });
        check(refused, `${other.address} answers`);
    });
    await page.close();
    await test('serve: Ctrl-C ends it', async () => {
        child.removeAllListeners('exit');
        const over = new Promise((done) => child.once('exit', () => done(true)));
        child.kill('SIGINT');
        check(await Promise.race([over, wait(3000).then(() => false)]), 'it goes on');
    });
}
