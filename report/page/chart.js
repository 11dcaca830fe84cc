/* What charts share: a canvas for clouds of points and lines, SVG behind it for the grid and above it for what is read, a tip. */

/* Colours of the present theme, from the style sheet's variables. */
const Palette = {
    read() {
        const style = getComputedStyle(document.documentElement);
        const get = (name) => style.getPropertyValue(`--${name}`).trim();
        for (const name of ['ink', 'soft', 'grid', 'card', 'front', 'other', 'line']) this[name] = get(name);
        this.versions = [0, 1, 2, 3, 4, 5].map((i) => get(`v${i}`));
    },
    version(i) {
        return this.versions[i % 6];
    },
};

/* Pinned trials are named by letters, in the order of pinning. */
const pinLetter = (k) => 'ABCDEFGH'[k];

class Chart {
    static all = [];

    /** `draw` fills the chart, whose size it finds in width and height; it is called when the chart is seen. */
    constructor(host, height, label, draw) {
        host.chart?.end();
        host.chart = this;
        this.back = svg('svg', { 'aria-hidden': 'true' });
        this.canvas = h('canvas', { 'aria-hidden': 'true' });
        this.svg = svg('svg', { role: 'img', 'aria-label': label });
        this.tip = h('div', { class: 'tip', hidden: true, 'aria-hidden': 'true' });
        this.frame = h('div', { class: 'frame' }, this.back, this.canvas, this.svg, this.tip);
        replace(host, this.frame);
        Object.assign(this, { host, wanted: height, draw, dirty: true, seen: false, width: 0, least: 0 });
        this.observers = [
            new ResizeObserver(() => this.resize()),
            new IntersectionObserver(
                (entries) => {
                    this.seen = entries.at(-1).isIntersecting;
                    if (this.seen && this.dirty) this.redraw();
                },
                { rootMargin: '200px' },
            ),
        ];
        for (const o of this.observers) o.observe(host);
        Chart.all.push(this);
    }

    /* Another chart takes its place. */
    end() {
        for (const o of this.observers) o.disconnect();
        this.ticket = null;
        Chart.all = Chart.all.filter((c) => c !== this);
    }

    resize() {
        const room = Math.round(this.host.clientWidth);
        const width = Math.max(this.least, room);
        if (width === this.width || room === 0 || Chart.isPrinting) return;
        this.width = width;
        this.frame.style.minWidth = `${this.least}px`;
        this.change();
    }

    /** Draw again, now or when it is seen. */
    change() {
        this.dirty = true;
        if (this.seen) this.redraw();
    }

    redraw() {
        if (!this.width) return;
        this.dirty = false;
        this.height = typeof this.wanted === 'function' ? this.wanted(this.width) : this.wanted;
        this.frame.style.aspectRatio = `${this.width} / ${this.height}`;
        for (const layer of [this.back, this.svg]) {
            layer.setAttribute('viewBox', `0 0 ${this.width} ${this.height}`);
            layer.textContent = '';
        }
        const density = Chart.isPrinting ? 3 : Math.max(1, devicePixelRatio);
        this.canvas.width = Math.round(this.width * density);
        this.canvas.height = Math.round(this.height * density);
        this.pen = this.canvas.getContext('2d');
        this.pen.setTransform(density, 0, 0, density, 0, 0);
        this.draw(this);
    }

    put(...nodes) {
        append(this.svg, nodes);
    }

    /** Behind the canvas: grids. */
    rule(cls, x1, y1, x2, y2) {
        this.back.append(svg('line', { class: cls, x1, y1, x2, y2 }));
    }

    text(cls, x, y, anchor, text, more) {
        const node = svg('text', { class: cls, x, y, 'text-anchor': anchor, ...more }, text);
        this.put(node);
        return node;
    }

    /** Grid, labels and titles of two scales whose pixels are set. `better`: what stands behind the titles. */
    axes(x, y, xTitle, yTitle) {
        const [left, right, bottom, top] = [x.from, x.to, y.from, y.to];
        let lastX = -Infinity;
        for (const t of x.ticks()) {
            const px = x.px(t.at);
            this.rule(t.label ? 'grid' : 'grid minor', px, top, px, bottom);
            if (!t.label || px - lastX < 14 + 7 * t.label.length) continue;
            this.text('tick', px, bottom + 17, 'middle', t.label);
            lastX = px;
        }
        let lastY = Infinity;
        for (const t of y.ticks()) {
            const py = y.px(t.at);
            this.rule(t.label ? 'grid' : 'grid minor', left, py, right, py);
            if (!t.label || lastY - py < 13) continue;
            this.text('tick', left - 7, py + 4, 'end', t.label);
            lastY = py;
        }
        this.put(svg('rect', { class: 'plot-frame', x: left, y: top, width: right - left, height: bottom - top }));
        if (xTitle) this.text('axis-title', right, bottom + 36, 'end', xTitle);
        if (yTitle) this.text('axis-title', 0, top - 12, 'start', yTitle);
    }

    showTip(x, y, ...content) {
        replace(this.tip, content);
        this.tip.hidden = false;
        const room = this.frame.clientWidth;
        const w = this.tip.offsetWidth;
        const ht = this.tip.offsetHeight;
        const left = x + 16 + w < room ? x + 16 : Math.max(0, x - 16 - w);
        const top = Math.min(Math.max(0, y - ht / 2), Math.max(0, this.frame.clientHeight - ht));
        this.tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
    }

    hideTip() {
        this.tip.hidden = true;
    }

    /** Where a pointer is, in the chart's own pixels. */
    at(event) {
        const box = this.frame.getBoundingClientRect();
        const k = this.width / box.width;
        return [(event.clientX - box.left) * k, (event.clientY - box.top) * k];
    }

    /** Many lines in pieces, so that the page stays quick: `one(i)` adds line i to the pen's path, which `style` set. */
    manyLines(n, style, one, then) {
        const ticket = (this.ticket = {});
        const PIECE = 250;
        const piece = (from) => {
            if (this.ticket !== ticket) return;
            const to = Math.min(n, from + PIECE);
            style(this.pen);
            this.pen.beginPath();
            for (let i = from; i < to; i++) one(this.pen, i);
            this.pen.stroke();
            if (to < n) (Chart.isPrinting ? (f) => f() : requestAnimationFrame)(() => piece(to));
            else then?.();
        };
        if (n > 0) piece(0);
        else then?.();
    }

    static changeAll() {
        for (const c of Chart.all) c.change();
    }
}

/** At most `most` of a list, evenly chosen. */
const evenly = (list, most) =>
    list.length <= most ? list : Array.from({ length: most }, (_, k) => list[Math.floor((k * list.length) / most)]);

const diamond = (x, y, r) => `M${x} ${y - r}L${x + r} ${y}L${x} ${y + r}L${x - r} ${y}Z`;

/** A mark for a legend: 'best', 'member', 'other', 'pick v0', 'miss v0', 'feasible v0', 'line v0', ... */
function markOf(kind) {
    const [shape, version] = kind.split(' ');
    const cls = `mark ${shape} ${version ?? ''}`;
    const inner =
        {
            pick: () => svg('path', { d: diamond(8, 8, 6) }),
            miss: () => svg('path', { d: diamond(8, 8, 5.5) }),
            line: () => svg('path', { d: 'M0 8H16' }),
            dash: () => svg('path', { d: 'M0 8H16' }),
            cross: () => svg('path', { d: 'M4 4L12 12M12 4L4 12' }),
            up: () => svg('path', { d: 'M3 12L8 4L13 12Z' }),
        }[shape] ??
        (() => svg('circle', { cx: 8, cy: 8, r: { best: 4.5, member: 4, pin: 6, feasible: 3 }[shape] ?? 2.6 }));
    return svg('svg', { class: cls, viewBox: '0 0 16 16', width: 16, height: 16, 'aria-hidden': 'true' }, inner());
}

const legendOf = (entries) => entries.filter(Boolean).map(([kind, text]) => h('span', null, markOf(kind), text));
