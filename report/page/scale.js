/* Axes: range, linear or logarithmic, round ticks: the rules of report/axis.c. */
class Scale {
    static LOG_FACTOR = 20;
    static TICKS = 6;

    /** Around low <= high; log: true, false, or undefined for what suits. */
    constructor(low, high, unit, log) {
        this.canLog = low > 0;
        this.log = this.canLog && (log ?? high / low > Scale.LOG_FACTOR);
        [this.unit, this.factor] = Scale.chooseUnit(Math.max(Math.abs(low), Math.abs(high)), unit);
        if (this.log) {
            const margin = high > low ? (high / low) ** 0.05 : 1.1;
            this.low = low / margin;
            this.high = high * margin;
        } else {
            let margin = 0.06 * (high - low);
            if (margin <= Math.abs(high) * 1e-9) margin = high !== 0 ? 0.1 * Math.abs(high) : 1;
            this.low = low >= 0 && low < margin ? 0 : low - margin;
            this.high = high + margin;
        }
        this.from = 0;
        this.to = 1;
    }

    static chooseUnit(high, unit) {
        const larger = [
            ['B', 'MB', 1e7, 1e6],
            ['B', 'kB', 1e4, 1e3],
            ['ms', 's', 1e4, 1e3],
            ['s', 'h', 7200, 3600],
            ['s', 'min', 300, 60],
            ['', 'millions', 1e7, 1e6],
            ['', 'thousands', 1e5, 1e3],
        ];
        const found = larger.find(([base, , from]) => base === unit && high >= from);
        return found ? [found[1], found[3]] : [unit, 1];
    }

    /** Pixels of the low and the high end. */
    span(from, to) {
        this.from = from;
        this.to = to;
        return this;
    }

    place(v) {
        if (!this.log) return (v - this.low) / (this.high - this.low);
        return v > 0 ? Math.log(v / this.low) / Math.log(this.high / this.low) : -1;
    }

    px(v) {
        return this.from + (this.to - this.from) * this.place(v);
    }
    isInside(v) {
        const u = this.place(v);
        return u >= 0 && u <= 1;
    }

    value(px) {
        const u = (px - this.from) / (this.to - this.from);
        return this.log ? this.low * (this.high / this.low) ** u : this.low + u * (this.high - this.low);
    }

    ticks() {
        const all = this.log ? this.logTicks() : this.linearTicks();
        return all.filter((t) => this.place(t.at) >= -1e-9 && this.place(t.at) <= 1 + 1e-9);
    }

    linearTicks() {
        const rough = (this.high - this.low) / this.factor / Scale.TICKS;
        const power = 10 ** Math.floor(Math.log10(rough));
        const ratio = rough / power;
        const step = power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10);
        const first = Math.ceil(this.low / this.factor / step - 1e-9);
        return Array.from({ length: 20 }, (_, i) => {
            const at = (first + i) * step;
            return { at: at * this.factor, label: String(Number(at.toPrecision(6))) };
        });
    }

    /* 1, 2, 5 of each decade; beyond five decades the powers of ten alone. */
    logTicks() {
        const from = Math.floor(Math.log10(this.low / this.factor));
        const to = Math.ceil(Math.log10(this.high / this.factor));
        const leads = to - from > 5 ? [1] : [1, 2, 5];
        const stride = Math.floor((to - from) / 8) + 1;
        const out = [];
        for (let decade = from; decade <= to; decade++)
            for (const lead of leads) {
                const at = lead * 10 ** decade;
                out.push({
                    at: at * this.factor,
                    label: (decade - from) % stride === 0 ? String(Number(at.toPrecision(6))) : '',
                });
            }
        return out;
    }

    title(name) {
        return this.unit ? `${name} (${this.unit})` : name;
    }
}
