/* Where the bytes of a trial's file are: tensors, and what holds them together. */
const FileView = (() => {
    const MOST = 14;

    /* Trials whose export has noted its bytes: picks first, then pinned ones, then the front by size. */
    function listChoices() {
        const { study } = App;
        const has = (t) => study.files[t];
        const picks = App.picks
            .map(
                (p, v) =>
                    p.trial &&
                    has(p.trial) && [
                        p.trial,
                        `${p.kind === 'chosen' ? 'pick' : 'closest miss'} of ${study.versions[v].name}: trial ${p.trial}`,
                    ],
            )
            .filter(Boolean);
        const pins = state.pinned.filter(has).map((t) => [t, `${pinLetter(state.pinned.indexOf(t))}: trial ${t}`]);
        const front = Object.keys(study.files)
            .map(Number)
            .filter((t) => study.row.has(t))
            .sort((a, b) => study.figure('size', study.row.get(a)) - study.figure('size', study.row.get(b)))
            .map((t) => [t, `trial ${t}, ${Quantity.format(study.figure('size', study.row.get(t)), 'B')}`]);
        const seen = new Set();
        return [...picks, ...pins, ...front].filter(([t]) => !seen.has(t) && seen.add(t));
    }

    /* Values of tensors one by one, then the rest of the file; `cost` is what is shipped where it is known. */
    function listParts(note) {
        const packed = (note.tensors ?? []).some((t) => t.packed !== undefined);
        const tensors = (note.tensors ?? []).map((t) => ({
            name: `${t.shape.length > 1 ? 'weights' : t.type === 'int32' && t.bytes <= 16 ? 'shape' : 'vector'} ${t.shape.join('×')}`,
            what: `${t.type}, #${t.tensor}`,
            raw: t.bytes,
            cost: packed ? t.packed : t.bytes,
        }));
        const rest = packed
            ? (note.parts ?? [])
                  .filter((p) => p.part !== 'values')
                  .map((p) => ({ name: p.part, what: 'structure', raw: p.bytes, cost: p.packed, rest: true }))
            : note.container_bytes
              ? [
                    {
                        name: 'container',
                        what: 'all that is not a tensor',
                        raw: note.container_bytes,
                        cost: note.container_bytes,
                        rest: true,
                    },
                ]
              : [];
        return {
            packed,
            parts: [...tensors, ...rest].filter((p) => p.cost > 0 || p.raw > 0).sort((a, b) => b.cost - a.cost),
        };
    }

    function barRow(p, most, packed) {
        return h(
            'div',
            { role: 'row', class: `bar-row ${p.rest ? 'rest' : ''}` },
            h('span', { role: 'rowheader', class: 'bar-name' }, p.name, h('span', { class: 'soft' }, ` ${p.what}`)),
            h(
                'span',
                { class: 'bar-track', 'aria-hidden': 'true' },
                packed && h('i', { class: 'ghost', style: { width: `${100 * Math.min(1, p.raw / most)}%` } }),
                h('i', { style: { width: `${100 * Math.min(1, p.cost / most)}%` } }),
            ),
            h(
                'span',
                { role: 'cell', class: 'bar-value' },
                `${Math.round(p.cost).toLocaleString('en')} B`,
                packed &&
                    p.raw > 0 &&
                    p.raw !== p.cost &&
                    h('span', { class: 'soft' }, ` of ${p.raw.toLocaleString('en')}`),
            ),
        );
    }

    function change() {
        const { study } = App;
        const choices = listChoices();
        const wanted = state.fileOf ?? App.picks[state.version]?.trial;
        const trial = choices.some(([t]) => t === wanted) ? wanted : choices[0]?.[0];
        replace(
            $('file-controls'),
            choices.length > 0 &&
                selectOf('File of', 'file-of', choices, trial, (t) => {
                    state.fileOf = Number(t);
                    change();
                    $('file-of').focus();
                }),
        );
        if (!trial) {
            $('file-note').textContent = '';
            replace($('file-body'), h('p', { class: 'soft' }, 'No export has noted where its bytes are.'));
            return;
        }
        const { packed, parts } = listParts(study.files[trial]);
        const row = study.row.get(trial);
        const shown = parts.slice(0, MOST);
        const hidden = parts.slice(MOST);
        if (hidden.length)
            shown.push({
                name: `${hidden.length} more`,
                what: '',
                raw: hidden.reduce((s, p) => s + p.raw, 0),
                cost: hidden.reduce((s, p) => s + p.cost, 0),
                rest: true,
            });
        const most = Math.max(...shown.map((p) => Math.max(p.cost, packed ? p.raw : 0)));
        const values = parts.filter((p) => !p.rest).reduce((s, p) => s + p.cost, 0);
        const all = parts.reduce((s, p) => s + p.cost, 0);
        $('file-note').textContent =
            `Trial ${trial}: ${Quantity.format(study.figure('size', row), 'B')} as shipped; ${Math.round((100 * values) / all)} % of the bytes counted here are values of tensors${packed ? '. Pale: before packing' : ''}`;
        replace(
            $('file-body'),
            h(
                'div',
                { class: 'bars file', role: 'table', 'aria-label': `Bytes of trial ${trial}` },
                shown.map((p) => barRow(p, most, packed)),
            ),
        );
    }

    return { change };
})();
