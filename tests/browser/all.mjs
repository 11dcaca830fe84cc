// Tests of the page in a real browser; started by tools/check-browser.sh.
import { choices } from './choices.mjs';
import { controls } from './controls.mjs';
import { closeBrowser, report } from './harness.mjs';
import { large } from './large.mjs';
import { live } from './live.mjs';
import { reading } from './reading.mjs';

const parts = { reading, choices, controls, live, large };
const wanted = process.argv[2] && process.argv[2] !== '*' ? [process.argv[2]] : Object.keys(parts);
for (const name of wanted) await parts[name]();
await closeBrowser();
process.exit(report() ? 0 : 1);
