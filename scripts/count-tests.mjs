// Adds up what scripts/test has run, from the files that vitest's JSON reporter and the checks left in a folder.
// Arguments: the folder, then the tiers. Prints failures and skips, and as the last line `N passed, N failed, N skipped`.
// The exit status is 0 only if nothing failed; a tier without a result, or without a test, has failed.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder = '.', ...tiers] = process.argv.slice(2);
const failures = [];
const skips = [];
let passed = 0;

for (const file of readdirSync(folder).filter((name) => name.endsWith('.check'))) {
  if (readFileSync(join(folder, file), 'utf8').trim() !== 'passed') failures.push(file.replace(/\.check$/, ''));
}
for (const tier of tiers) countTier(tier);

for (const [reason, count] of groupSkips()) console.log(`skipped: ${reason}${count > 1 ? ` (${count} tests)` : ''}`);
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`${passed} passed, ${failures.length} failed, ${skips.length} skipped`);
process.exitCode = failures.length === 0 ? 0 : 1;

function countTier(tier) {
  const file = join(folder, `${tier}.json`);
  const status = readStatus(join(folder, `${tier}.status`));
  if (!existsSync(file)) {
    failures.push(`${tier}: vitest ended with status ${status} and left no result`);
    return;
  }
  const failuresBefore = failures.length;
  let count = 0;
  for (const suite of JSON.parse(readFileSync(file, 'utf8')).testResults) {
    for (const test of suite.assertionResults) {
      count += 1;
      const name = `${tier}: ${[...test.ancestorTitles, test.title].join(' > ')}`;
      if (test.status === 'passed') passed += 1;
      else if (test.status === 'failed') failures.push(name);
      else skips.push({ tier, test });
    }
    // A file that could not be loaded, or whose set-up failed, has no failed test to count.
    const hasFailedTest = suite.assertionResults.some(({ status: state }) => state === 'failed');
    if (suite.status === 'failed' && !hasFailedTest) failures.push(`${tier}: ${suite.name}: ${suite.message}`);
  }
  if (count === 0) failures.push(`${tier}: no test was run`);
  if (status !== 0 && failures.length === failuresBefore) failures.push(`${tier}: vitest ended with status ${status}`);
}

function readStatus(file) {
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : Number.NaN;
}

/** Skips by their outermost group, whose title says what is missing. */
function groupSkips() {
  const groups = new Map();
  for (const { tier, test } of skips) {
    const ownReason = /\((?:skipped: )?needs? /.test(test.title);
    const reason = `${tier}: ${ownReason || test.ancestorTitles.length === 0 ? test.title : test.ancestorTitles[0]}`;
    groups.set(reason, (groups.get(reason) ?? 0) + 1);
  }
  return groups;
}
