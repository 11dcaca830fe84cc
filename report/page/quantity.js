/* Numbers with units, as engine/base/quantity.c reads and writes them. */
const Quantity = (() => {
    const units = [
        ['B', 'B', 1],
        ['B', 'kB', 1e3],
        ['B', 'MB', 1e6],
        ['B', 'GB', 1e9],
        ['B', 'KiB', 1024],
        ['B', 'MiB', 1048576],
        ['B', 'GiB', 1073741824],
        ['ms', 'us', 1e-3],
        ['ms', 'µs', 1e-3],
        ['ms', 'ms', 1],
        ['ms', 's', 1e3],
        ['ms', 'min', 6e4],
        ['s', 'ms', 1e-3],
        ['s', 's', 1],
        ['s', 'min', 60],
        ['s', 'h', 3600],
        ['s', 'd', 86400],
        ['%', '%', 1],
        ['°C', '°C', 1],
        ['°C', 'degC', 1],
        ['', 'k', 1e3],
        ['', 'M', 1e6],
    ];
    const baseNames = { B: 'bytes', ms: 'time', s: 'time', '%': 'percent', '°C': 'temperature' };
    const shown = [
        ['B', 1e4, 'kB', 1e3],
        ['B', 1e6, 'MB', 1e6],
        ['B', 1e9, 'GB', 1e9],
        ['ms', 1e4, 's', 1e3],
        ['s', 120, 'min', 60],
        ['s', 7200, 'h', 3600],
        ['s', 172800, 'd', 86400],
    ];
    const numberPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/;

    /** Length of the decimal number that the text begins with, 0 without one. */
    const numberLength = (text) => numberPattern.exec(text)?.[0].length ?? 0;

    function wrongUnit(text, base, name) {
        const choices = units
            .filter((u) => u[0] === base)
            .map((u) => u[1])
            .join(', ');
        if (name === 'KB' && base === 'B')
            return `'${text}': KB is read both ways; write kB for 1000 bytes or KiB for 1024`;
        const other = units.find((u) => u[1] === name);
        const call = (b) => baseNames[b] ?? 'a plain number';
        if (other) return `'${text}': ${name} measures ${call(other[0])}, here ${call(base)} is asked for (${choices})`;
        return `'${text}': unknown unit '${name}'; use ${choices}, or no unit`;
    }

    /** "2 kB" -> 2000 for the base unit B; throws an Error that says what is wrong. */
    function parse(text, unit) {
        const s = text.replace(/^[ \t]+/, '');
        const n = numberLength(s);
        if (n === 0 || n >= 64) throw new Error(`'${text.slice(0, 40)}' does not begin with a number`);
        const v = Number(s.slice(0, n));
        if (!Number.isFinite(v)) throw new Error(`'${text.slice(0, 40)}': the number is out of range`);
        const name = s.slice(n).replace(/^[ \t]+|[ \t]+$/g, '');
        if (new TextEncoder().encode(name).length >= 32)
            throw new Error(`'${text.slice(0, 40)}': the unit is too long`);
        if (!name) return v;
        const row = units.find((u) => u[1] === name && u[0] === unit);
        if (!row) throw new Error(wrongUnit(text, unit, name));
        if (!Number.isFinite(v * row[2])) throw new Error(`'${text.slice(0, 40)}': the number is out of range`);
        return v * row[2];
    }

    function decimals(v, factor) {
        const size = Math.abs(v);
        if (!(size >= 1e-12) || size === Infinity) return 0;
        const significant = factor === 1 && size >= 1 ? 4 : 3;
        return Math.min(12, Math.max(0, significant - 1 - Math.floor(Math.log10(size))));
    }

    function fixed(v, factor) {
        const text = v.toFixed(decimals(v, factor));
        return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
    }

    /** Three or four significant digits in a unit that fits: 25412 B -> "25.4 kB". */
    function format(value, unit) {
        if (value === null || value === undefined || Number.isNaN(value)) return '–';
        const v = Math.abs(value) < 1e-12 ? 0 : value;
        let factor = 1;
        let name = unit;
        for (const [base, from, larger, f] of shown) {
            if (base !== unit) continue;
            if (!(Math.abs(Number(fixed(v / f, f))) * f >= from)) break;
            factor = f;
            name = larger;
        }
        const text = fixed(v / factor, factor);
        return name ? `${text} ${name}` : text;
    }

    const percent = (share) =>
        Number.isFinite(share) ? `${share >= 0 ? '+' : '−'}${Math.abs(100 * share).toFixed(1)} %` : '–';

    return { parse, format, numberLength, percent };
})();
