// What the page chooses is what the program chooses: picks, fronts, filters.
import { act, check, openStudy, same, test, tryParetune } from './harness.mjs';

/* Every pick of the page under the study's own limits, and the program's. */
const comparePicks = () =>
    App.study.picks.list.map((p, v) => {
        const q = App.picks[v];
        return {
            version: p.version,
            program: [p.kind, p.trial, p.feasible, p.met, p.binding],
            page: [q.kind, q.trial, q.feasible, App.isMet(v), q.binding],
        };
    });

async function checkChoices(name, page) {
    await test(`${name}: picks are the program's`, async () => {
        const all = await page.evaluate(comparePicks);
        check(all.length > 0, 'there are versions');
        for (const p of all) same(p.page, p.program, `version ${p.version}`);
    });
    await test(`${name}: the front is the program's`, async () => {
        const [page_, program] = await page.evaluate(() => [
            App.front.map((i) => App.study.trial[i]).sort((a, b) => a - b),
            Array.from(App.study.trial).filter(
                (_, i) => App.study.column.get('on_front').numbers[i] === 1 && App.study.isDone[i],
            ),
        ]);
        same(page_, program, 'front');
    });
}

/* The page's answer to a filter: trials, or the mistake. */
const ask = (text) => {
    try {
        const holds = Filter.compile(App.study, text);
        return { trials: Array.from(App.study.trial).filter((_, i) => App.study.isDone[i] && holds(i)) };
    } catch (e) {
        return { mistake: e.message };
    }
};

function askProgram(name, text) {
    const r = tryParetune('query', `${name}.db`, '--columns', 'trial', '--format', 'csv', '--', text);
    if (r.status === 0) return { trials: r.stdout.trim().split('\n').slice(1).map(Number) };
    return { mistake: r.stderr.trim().replace(/^paretune query: /, '') };
}

const written = [
    'size < 20 kB',
    'accuracy >= 90 % and size < 20000',
    'accuracy>90 or not size<5 kB',
    'NOT (size < 9 kB Or accuracy < 80)',
    'storage = int8',
    'storage != int8',
    'storage in (float16, int8)',
    'storage not in ("float32")',
    'alpha = 0.1',
    'alpha != 0.1',
    'not alpha = 0.1',
    'alpha in (0.1, 0.25)',
    'alpha not in (0.1)',
    'alpha between 0.1 and 0.25',
    'alpha not between 0.1 and 0.25',
    'architecture = ds-cnn',
    "architecture <> 'ds-cnn'",
    'architecture == temporal-residual and channels >= 32',
    'size > size',
    'accuracy > accuracy_test',
    'epochs = best_epoch',
    'epochs <> best_epoch',
    'alpha < learning_rate',
    'alpha = storage',
    'storage = architecture',
    'trial between 10 and 20',
    'seed = 1',
    'state = done',
    'on_front = 1',
    'modelled_total_ms < 0.036 s',
    'modelled_total_ms not between 34 ms and 35 ms',
    '"size" < 4 KiB',
    'loss < .3',
    'loss < +3e-1',
    'size<1e4and accuracy>50',
    'cpu_seconds < 1 min',
    'macs < 1 M',
    'stopped_at < 4',
    '((size < 9 kB))',
    'size < 5 KiB and (accuracy > 90 or loss < 0.2) and not storage in (int8)',
    // mistakes
    '',
    '   ',
    'size',
    'size <',
    'size < kB',
    'size < 2 KB',
    'size < 2 ms',
    'size < 2 parsec',
    'size ! 2',
    'size => 2',
    'szie < 2 kB',
    'accuracyy > 3',
    'storage = int9',
    'storage = integer',
    'storage = 8',
    'storage < int8',
    'storage between float16 and int8',
    'storage in float16',
    'storage in (float16',
    'storage in ()',
    'storage in (float16,)',
    'alpha = small',
    'alpha < "x"',
    'size between 1 and',
    'size between 1 kB',
    'size not < 3',
    'not',
    '(size < 3',
    'size < 3)',
    'size < 3 and',
    'and size < 3',
    'size < 3 size > 2',
    'size = "x',
    'size < 1e999',
    'size < loss',
    '1 < size',
    'size < 3; drop table trials',
    'architecture = ds-cnm',
    'architecture = cnn',
    'size # 3',
    `${'('.repeat(60)}size < 3${')'.repeat(60)}`,
    `size < ${'9'.repeat(70)}`,
    Array(201).fill('size < 3').join(' or '),
    `size < 3 ${' '.repeat(8300)}`,
    'accuracy > 90 % and °C < 3',
    'state = stoped',
    'learning_rte > 0',
    'in = 3',
    'not not not size < 9 kB',
];

/* Random filters of everything that the grammar knows, from a fixed start. */
function* invented(n) {
    let seed = 12345;
    const below = (m) => {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
        return (seed >>> 8) % m;
    };
    const one = (list) => list[below(list.length)];
    const numbers = ['0.1', '0.25', '90', '90 %', '12 kB', '8', '35.5', '1e3', '-1', '.5', '40 ms', '0.7'];
    const words = ['int8', 'float16', 'ds-cnn', '"temporal-residual"', 'done', 'flaot16'];
    const names = [
        'size',
        'accuracy',
        'accuracy_test',
        'alpha',
        'channels',
        'learning_rate',
        'final_sparsity',
        'storage',
        'architecture',
        'loss',
        'modelled_total_ms',
        'epochs',
        'best_epoch',
        'seed',
        'state',
    ];
    const value = () => (below(4) ? one(numbers) : one(words));
    const comparison = () => {
        const name = one(names);
        const not = below(3) ? '' : 'not ';
        switch (below(5)) {
            case 0:
                return `${name} ${not}in (${Array.from({ length: 1 + below(3) }, value).join(', ')})`;
            case 1:
                return `${name} ${not}between ${value()} and ${value()}`;
            case 2:
                return `${name} ${one(['<', '<=', '>', '>=', '=', '!='])} ${one(names)}`;
            default:
                return `${name} ${one(['<', '<=', '>', '>=', '=', '==', '!=', '<>'])} ${value()}`;
        }
    };
    const expr = (depth) => {
        if (depth === 0 || below(3) === 0) return comparison();
        return one([
            () => `${expr(depth - 1)} and ${expr(depth - 1)}`,
            () => `${expr(depth - 1)} or ${expr(depth - 1)}`,
            () => `not ${expr(depth - 1)}`,
            () => `(${expr(depth - 1)})`,
        ])();
    };
    for (let i = 0; i < n; i++) yield expr(3);
}

export async function choices() {
    for (const name of ['versions', 'seeds', 'demo']) {
        const page = await openStudy(name);
        await checkChoices(name, page);
        if (name === 'versions') {
            let useful = 0;
            for (const text of [...written, ...invented(160)]) {
                await test(`filter ${text.slice(0, 60)}`, async () => {
                    const [mine, theirs] = [await page.evaluate(ask, text), askProgram(name, text)];
                    // The program's message of a text that holds no filter is the same; query without any filter is not asked here.
                    same(mine, theirs, text.slice(0, 80));
                    useful += mine.trials?.length > 0 ? 1 : 0;
                });
            }
            await test('filters: many of them choose something', async () => check(useful > 60, `${useful}`));
            await test('a version made of a subset: picks follow the filter', async () => {
                await act(page, () => {
                    $('filter').value = 'storage = int8';
                    $('filter').dispatchEvent(new Event('change'));
                });
                const wrong = await page.evaluate(
                    () => App.picks.filter((p) => p.row >= 0 && App.study.text('storage', p.row) !== 'int8').length,
                );
                same(wrong, 0, 'picks outside of the filter');
            });
        }
        await page.close();
    }
}
