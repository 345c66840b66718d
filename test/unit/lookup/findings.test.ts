import { expect, test } from 'vitest';
import { createLookup } from '../../../src/lookup/create-lookup.js';
import { indexExports } from '../../../src/lookup/exports.js';
import { describeUnresolved } from '../../../src/lookup/findings.js';
import { FUNC, objectOf, tableOf } from '../../builders/symbols.js';

const asked = { name: 'helper', object: 'cm.o', objectName: 'ib_cm' };
const original = objectOf('cm.c', [{ name: 'helper', size: 64 }]);

function find(table: ReturnType<typeof tableOf>) {
  const lookup = createLookup({ objectName: 'ib_cm', original, table, exports: indexExports([]) });
  return describeUnresolved(asked, lookup.local('helper', FUNC));
}

test('a found symbol is no finding', () => {
  expect(find(tableOf([{ name: 'helper', size: 64 }]))).toBeUndefined();
});

test('a missing symbol is named with object and target', () => {
  expect(find(tableOf([{ name: 'other' }]))).toMatchObject({
    code: 'symbol-missing',
    exitStatus: 1,
    what: 'ib_cm has no symbol that is helper of cm.o',
  });
});

test('an ambiguous one lists every candidate with what tells it apart', () => {
  const rows = [
    { name: 'start', size: 16 },
    { name: 'helper', size: 64 },
    { name: 'helper', size: 60, section: '.text.unlikely' },
  ];
  expect(find(tableOf(rows))).toMatchObject({
    code: 'symbol-ambiguous',
    what: expect.stringMatching(/^2 symbols of ib_cm may be helper of cm\.o: the target has no FILE symbols/),
    details: [
      'helper in .text at 0x10, 64 bytes, position 1, after start, before helper',
      'helper in .text.unlikely at 0x0, 60 bytes, position 2, after helper',
    ],
  });
});

test('of a kernel that is known by its addresses only, the package that tells them apart is named', () => {
  const lookup = createLookup({
    ...{ objectName: 'vmlinux', original, exports: indexExports([]) },
    table: tableOf([
      { name: 'helper', size: 64 },
      { name: 'helper', size: 64 },
    ]),
  });
  const ofKernel = { ...asked, objectName: 'vmlinux', addressesOf: '6.1.0-9-amd64' };
  const { fix } = describeUnresolved(ofKernel, lookup.local('helper', FUNC)) ?? {};
  expect(fix).toMatch(
    /Debian: linux-image-6\.1\.0-9-amd64-dbg;.*Fedora: kernel-debuginfo-6\.1\.0-9-amd64;.*--vmlinux FILE/,
  );
  expect(describeUnresolved(asked, lookup.local('helper', FUNC))?.fix).not.toMatch(/vmlinux/);
});
