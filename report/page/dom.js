'use strict';
/* Elements and words. Texts of the study enter the document as text nodes only, never as HTML. */

const $ = (id) => document.getElementById(id);

/** Appends children, which are nodes, texts, numbers, lists of these, or nothing. */
function append(node, ...children) {
    for (const child of children.flat(Infinity)) {
        if (child === null || child === undefined || child === false) continue;
        node.append(child instanceof Node ? child : document.createTextNode(String(child)));
    }
    return node;
}

function setAll(node, attributes) {
    for (const [name, value] of Object.entries(attributes || {})) {
        if (value === null || value === undefined || value === false) continue;
        if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
        else if (name === 'style' || name === 'dataset') Object.assign(node[name], value);
        else if (name === 'value' || name === 'checked' || name === 'selected') node[name] = value;
        else node.setAttribute(name, value === true ? '' : value);
    }
    return node;
}

/** h('p', {class: 'soft'}, 'text', h('b', null, 7)) */
const h = (tag, attributes, ...children) => append(setAll(document.createElement(tag), attributes), ...children);

const svg = (tag, attributes, ...children) =>
    append(setAll(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes), ...children);

function replace(node, ...children) {
    node.textContent = '';
    return append(node, ...children);
}

/** Read out by screen readers when they have time; never twice at once for the same text. */
const announce = (() => {
    let timer = 0;
    return (text) => {
        clearTimeout(timer);
        timer = setTimeout(() => {
            $('announce').textContent = text;
        }, 150);
    };
})();

const count = (n) => n.toLocaleString('en');
const plural = (n, word) => `${count(n)} ${word}${n === 1 ? '' : 's'}`;

/** A labelled <select>; options are [value, text] pairs or plain values. */
function selectOf(label, id, options, value, onchange) {
    const select = h(
        'select',
        { id, onchange: () => onchange(select.value) },
        options.map((o) => {
            const [v, text] = Array.isArray(o) ? o : [o, o];
            return h('option', { value: v, selected: String(v) === String(value) }, text);
        }),
    );
    return h('label', { class: 'field', for: id }, h('span', null, label), select);
}

function checkOf(label, id, checked, onchange) {
    const box = h('input', { type: 'checkbox', id, checked, onchange: () => onchange(box.checked) });
    return h('label', { class: 'check', for: id }, box, label);
}

/** A table for people and screen readers; cells are texts or nodes, numbers stand to the right. */
function tableOf(caption, heads, rows, options = {}) {
    const isNumber = heads.map((_, i) => rows.some((r) => typeof r[i] === 'number' || options.right?.[i]));
    return h(
        'table',
        { class: options.class },
        h('caption', { class: options.caption ? null : 'sr' }, caption),
        h(
            'thead',
            null,
            h(
                'tr',
                null,
                heads.map((t, i) => h('th', { scope: 'col', class: isNumber[i] && 'number' }, t)),
            ),
        ),
        h(
            'tbody',
            null,
            rows.map((row) =>
                h(
                    'tr',
                    null,
                    row.map((c, i) =>
                        h(
                            i === 0 ? 'th' : 'td',
                            { scope: i === 0 ? 'row' : null, class: isNumber[i] && 'number' },
                            c ?? '–',
                        ),
                    ),
                ),
            ),
        ),
    );
}

/** A command line that can be copied. */
function commandOf(text) {
    const button = h(
        'button',
        {
            type: 'button',
            class: 'quiet copy',
            'aria-label': `Copy: ${text}`,
            onclick: async () => {
                try {
                    await navigator.clipboard.writeText(text);
                    button.textContent = 'Copied';
                } catch {
                    getSelection().selectAllChildren(code);
                    button.textContent = 'Selected';
                }
                setTimeout(() => {
                    button.textContent = 'Copy';
                }, 1500);
            },
        },
        'Copy',
    );
    const code = h('code', null, text);
    return h('div', { class: 'command' }, code, button);
}

/** In single quotes for a shell where it needs them. */
const shellWord = (text) => (/^[\w./=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
