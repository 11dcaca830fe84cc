/* The filter language of store/filter.c: the same grammar, the same mistakes in the same words, the same rows.
 * Filter.compile gives a function of a row's number; mistakes are thrown as an Error. */
const Filter = (() => {
    const MAX_BYTES = 8192;
    const MAX_COMPARISONS = 200;
    const MAX_DEPTH = 50;
    const keywords = ['and', 'or', 'not', 'in', 'between'];
    const isWordSign = (c) => c !== undefined && (/[A-Za-z0-9_.]/.test(c) || c.codePointAt(0) >= 0x80);
    const bytes = (text) => new TextEncoder().encode(text).length;

    function readToken(text, from) {
        let at = from;
        while (at < text.length && ' \t\n\v\f\r'.includes(text[at])) at++;
        const c = text[at];
        const rest = text.slice(at);
        const token = (kind, n) => ({ kind, start: at, text: rest.slice(0, n), end: at + n });
        if (c === undefined || c === '\0') return token('end', 0);
        if ('(),'.includes(c)) return token(c, 1);
        if ('<>=!'.includes(c)) {
            const n = rest[1] === '=' || (c === '<' && rest[1] === '>') ? 2 : 1;
            return token(c === '!' && n === 1 ? 'bad' : 'op', n);
        }
        if (c === '"' || c === "'") {
            const end = rest.indexOf(c, 1);
            return end < 0 ? token('bad', 1) : token('quoted', end + 1);
        }
        const n = Quantity.numberLength(rest);
        if (n > 0) return token('number', n);
        if (c === '%') return token('word', 1);
        if (!isWordSign(c)) return token('bad', 1);
        let end = 0;
        while (isWordSign(rest[end])) end++;
        return token('word', end);
    }

    /* Optimal string alignment distance, and the nearest name within two mistakes: engine/base/diag.c. */
    function distance(a, b) {
        if (a.length >= 64 || b.length >= 64) return 64;
        let before = [];
        let last = Array.from({ length: b.length + 1 }, (_, j) => j);
        for (let i = 1; i <= a.length; i++) {
            const now = [i];
            for (let j = 1; j <= b.length; j++) {
                now[j] = Math.min(last[j - 1] + (a[i - 1] !== b[j - 1]), last[j] + 1, now[j - 1] + 1);
                if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
                    now[j] = Math.min(now[j], before[j - 2] + 1);
            }
            [before, last] = [last, now];
        }
        return last[b.length];
    }

    function didYouMean(word, candidates) {
        let best = null;
        let least = 64;
        for (const c of candidates) {
            const d = distance(word, c);
            if (d < least) [least, best] = [d, c];
        }
        if (least <= 2 && least * 2 <= word.length) return best;
        return word.length >= 4 ? (candidates.find((c) => c.startsWith(word.slice(0, 4))) ?? null) : null;
    }

    const compareBy = {
        '<': (a, b) => a < b,
        '<=': (a, b) => a <= b,
        '>': (a, b) => a > b,
        '>=': (a, b) => a >= b,
        '=': (a, b) => a === b,
        '!=': (a, b) => a !== b,
    };
    const sameOps = { '==': '=', '<>': '!=' };

    class Parser {
        constructor(study, text) {
            this.study = study;
            this.text = text;
            this.names = [...study.column.values()];
            this.comparisons = 0;
            this.depth = 0;
            this.now = readToken(text, 0);
        }

        advance() {
            this.now = readToken(this.text, this.now.end);
        }
        column(at) {
            return bytes(this.text.slice(0, at)) + 1;
        }
        fail(at, message) {
            throw new Error(`filter, column ${this.column(at)}: ${message}`);
        }

        expected(what) {
            const shown = this.now.kind === 'end' ? 'the end' : `'${this.now.text.slice(0, 40)}'`;
            this.fail(this.now.start, `expected ${what}, found ${shown}`);
        }

        isKeyword(word) {
            return this.now.kind === 'word' && this.now.text.toLowerCase() === word;
        }
        isAnyKeyword() {
            return keywords.some((w) => this.isKeyword(w));
        }

        accept(word) {
            if (!this.isKeyword(word)) return false;
            this.advance();
            return true;
        }

        findName() {
            const t = this.now;
            return this.study.column.get(t.kind === 'quoted' ? t.text.slice(1, -1) : t.text);
        }

        unknownName(what) {
            const word = this.now.text;
            const meant = didYouMean(
                word,
                this.names.map((c) => c.name),
            );
            const hint = meant
                ? `did you mean '${meant}'?`
                : `'paretune query DB --columns all --limit 1' shows all names`;
            this.fail(this.now.start, `'${word.slice(0, 60)}' is ${what}; ${hint}`);
        }

        /* --- values --- */

        readQuantity(left) {
            const start = this.now.start;
            let end = this.now.end;
            this.advance();
            if (this.now.kind === 'word' && !this.isAnyKeyword()) {
                end = this.now.end;
                this.advance();
            }
            try {
                return Quantity.parse(this.text.slice(start, end), left.unit);
            } catch (e) {
                return this.fail(start, e.message);
            }
        }

        checkOccurs(left, v, place) {
            const isNumber = typeof v === 'number';
            if (!left.listed || (isNumber && left.numbers) || (!isNumber && left.words.includes(v))) return;
            let list = left.words.slice(0, 8).join(', ') || 'numbers';
            if (left.words.length > 8) list += ', ...';
            if (isNumber) this.fail(place, `'${left.name}' is a word, not a number; it has ${list}`);
            const meant = didYouMean(v, left.words);
            const head = `no trial has '${v.slice(0, 60)}' as ${left.name}`;
            this.fail(place, meant ? `${head}; did you mean '${meant}'?` : `${head}; it has ${list}`);
        }

        /* A bare word that goes on with dashes, where what occurs is listed: cnn-1d. */
        takeDashes(left) {
            if (!left.listed || this.now.kind !== 'word') return;
            let end = this.now.end;
            while (isWordSign(this.text[end]) || this.text[end] === '-') end++;
            this.now = { ...this.now, text: this.text.slice(this.now.start, end), end };
        }

        readText(left) {
            const quoted = this.now.kind === 'quoted';
            this.takeDashes(left);
            if (Parser.isNumber(left) && !quoted) this.unknownName('neither a number nor a name');
            if (Parser.isNumber(left))
                this.fail(
                    this.now.start,
                    `'${left.name}' is a number and is compared with '${this.now.text.slice(0, 40)}'`,
                );
            const text = quoted ? this.now.text.slice(1, -1) : this.now.text;
            this.advance();
            return text;
        }

        readValue(left) {
            const place = this.now.start;
            const kind = this.now.kind;
            let v;
            if (kind === 'number') v = this.readQuantity(left);
            else if (kind === 'quoted' || (kind === 'word' && !this.isAnyKeyword())) v = this.readText(left);
            else this.expected('a value such as 0.5, 2 kB or "text"');
            this.checkOccurs(left, v, place);
            return v;
        }

        /* --- comparisons --- */

        static isNumber(c) {
            return c.kind !== 'k' && c.name !== 'state' && c.name !== 'model';
        }

        /* A row's cell; what the page was not given cannot be asked. */
        reader(c) {
            const at = this.now.start;
            if (!c.cells && !c.numbers) this.fail(at, `'${c.name}' is not in this page: the study is too large`);
            return (i) => this.study.at(c, i);
        }

        compareNames(left, op, right) {
            if (left.unit !== right.unit && Parser.isNumber(left) && Parser.isNumber(right))
                this.fail(
                    this.now.start,
                    `'${left.name}' (${left.unit}) and '${right.name}' (${right.unit}) have different units`,
                );
            this.advance();
            const a = this.reader(left);
            const b = this.reader(right);
            const holds = compareBy[op];
            return (i) => {
                const x = a(i);
                const y = b(i);
                return x !== null && y !== null && (typeof x === 'string') === (typeof y === 'string') && holds(x, y);
            };
        }

        readComparison(left) {
            const place = this.now.start;
            const op = sameOps[this.now.text] ?? this.now.text;
            if (this.now.kind !== 'op') this.expected('a comparison');
            this.advance();
            const right = this.now.kind === 'word' ? this.findName() : null;
            if (right) return this.compareNames(left, op, right);
            const hasOrder = op !== '=' && op !== '!=';
            const v = !hasOrder || !left.listed || left.numbers ? this.readValue(left) : '';
            if (typeof v === 'string' && hasOrder) this.fail(place, 'words have no order; use =, != or in');
            const a = this.reader(left);
            const holds = compareBy[op];
            return (i) => {
                const x = a(i);
                return x !== null && typeof x === typeof v && holds(x, v);
            };
        }

        readIn(left, negated) {
            if (this.now.kind !== '(') this.expected("'(' and a list of values");
            const list = new Set();
            for (let n = 0; ; n++) {
                this.advance();
                const v = this.readValue(left);
                if (n === MAX_COMPARISONS) throw new Error(`filter: a list of more than ${n} values`);
                list.add(v);
                if (this.now.kind === ')') break;
                if (this.now.kind !== ',') this.expected("',' or ')'");
            }
            this.advance();
            const a = this.reader(left);
            return (i) => {
                const x = a(i);
                return x !== null && list.has(x) !== negated;
            };
        }

        readBetween(left, negated) {
            const place = this.now.start;
            const low = this.readValue(left);
            if (!this.accept('and')) this.expected("'and' and the upper end");
            const high = this.readValue(left);
            if (typeof low === 'string' || typeof high === 'string')
                this.fail(place, 'words have no order; use in (...)');
            const a = this.reader(left);
            return (i) => {
                const x = a(i);
                return typeof x === 'number' && (x >= low && x <= high) !== negated;
            };
        }

        readNameAndRest() {
            if ((this.now.kind !== 'word' && this.now.kind !== 'quoted') || this.isAnyKeyword())
                this.expected('the name of a knob or metric');
            const left = this.findName();
            if (!left) this.unknownName('no knob or metric of this study');
            if (++this.comparisons > MAX_COMPARISONS)
                throw new Error(`filter: more than ${MAX_COMPARISONS} comparisons`);
            this.advance();
            const negated = this.accept('not');
            if (this.accept('in')) return this.readIn(left, negated);
            if (this.accept('between')) return this.readBetween(left, negated);
            if (negated) this.expected("'in' or 'between'");
            return this.readComparison(left);
        }

        /* --- and, or, not --- */

        readOne() {
            if (this.depth >= MAX_DEPTH) this.fail(this.now.start, `nested deeper than ${MAX_DEPTH}`);
            const negated = this.isKeyword('not');
            if (!negated && this.now.kind !== '(') return this.readNameAndRest();
            this.advance();
            this.depth++;
            const inner = negated ? this.readOne() : this.readAny();
            this.depth--;
            if (negated) return (i) => !inner(i);
            if (this.now.kind !== ')') this.expected("'and', 'or' or ')'");
            this.advance();
            return inner;
        }

        readAll() {
            let all = this.readOne();
            while (this.accept('and')) {
                const one = all;
                const two = this.readOne();
                all = (i) => one(i) && two(i);
            }
            return all;
        }

        readAny() {
            let any = this.readAll();
            while (this.accept('or')) {
                const one = any;
                const two = this.readAll();
                any = (i) => one(i) || two(i);
            }
            return any;
        }
    }

    function compile(study, text) {
        if (bytes(text) > MAX_BYTES) throw new Error(`filter: longer than ${MAX_BYTES} bytes`);
        const parser = new Parser(study, text);
        const test = parser.readAny();
        if (parser.now.kind !== 'end') parser.expected("'and', 'or' or the end");
        return test;
    }

    /** A name as it stands in a filter: in quotes where it needs them. */
    const nameOf = (name) =>
        /^[A-Za-z_\u0080-\uffff][\w.\u0080-\uffff]*$/.test(name) && !keywords.includes(name.toLowerCase())
            ? name
            : name.includes('"')
              ? `'${name}'`
              : `"${name}"`;
    const valueOf = (v) => (typeof v === 'number' ? String(v) : v.includes('"') ? `'${v}'` : `"${v}"`);

    return { compile, nameOf, valueOf };
})();
