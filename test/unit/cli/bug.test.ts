import { expect, test } from 'vitest';
import { describeBug } from '../../../src/cli/bug.js';

test.each(['/proc/kptool/cache', '/dev/null/kptool'])(
  'where no log can be written, at %s, the bug is told all the same',
  (cache) => {
    const facts = { version: '1.2.3', words: ['build', 'x.patch'], reportTo: undefined, cache };
    const { diagnostic, log } = describeBug(new TypeError('x is undefined'), facts);
    expect(diagnostic).toMatchObject({ what: 'A bug in kptool 1.2.3: x is undefined', details: [] });
    expect(diagnostic.fix).toContain('what --debug prints');
    expect(log).toContain('TypeError: x is undefined');
  },
);
