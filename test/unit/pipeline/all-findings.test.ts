import { expect, test } from 'vitest';
import { diagnose } from '../../../src/diagnostics/catalogue.js';
import { KptoolError } from '../../../src/diagnostics/diagnostic.js';
import { allOrFindings, withEarlier } from '../../../src/pipeline/all-findings.js';

const missing = (program: string) => diagnose('program-missing', { program, install: undefined });
const refused = (...programs: string[]) => Promise.reject(new KptoolError(programs.map(missing)));

test('the answers come in their order', async () => {
  expect(await allOrFindings([Promise.resolve(1), Promise.resolve('b')])).toEqual([1, 'b']);
});

test('all findings are told', async () => {
  const questions = allOrFindings([refused('make'), Promise.resolve(1), refused('patch', 'ld')]);
  await expect(questions).rejects.toMatchObject({ diagnostics: [missing('make'), missing('patch'), missing('ld')] });
});

test('a single refusal is passed on as it is, with what hangs on it', async () => {
  const error = Object.assign(new KptoolError([missing('make')]), { workFolder: '/w' });
  await expect(allOrFindings([Promise.reject(error), Promise.resolve(1)])).rejects.toBe(error);
});

test('what waits for another answer fails once with it', async () => {
  const first = refused('make');
  const questions = allOrFindings([first, first.then(() => 1), refused('patch')]);
  await expect(questions).rejects.toMatchObject({ diagnostics: [missing('make'), missing('patch')] });
});

test('a bug comes before findings', async () => {
  const bug = new TypeError('x');
  await expect(allOrFindings([refused('make'), Promise.reject(bug)])).rejects.toBe(bug);
});

test('what was found before is told with a refusal, and with nothing else', async () => {
  const earlier = [missing('awk')];
  await expect(withEarlier(earlier, () => refused('make'))).rejects.toMatchObject({
    diagnostics: [missing('awk'), missing('make')],
  });
  expect(await withEarlier(earlier, async () => 7)).toBe(7);
  await expect(withEarlier(earlier, () => Promise.reject(new TypeError('x')))).rejects.toThrow(TypeError);
});
