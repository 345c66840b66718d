import { expect, test } from 'vitest';
import { indexExports } from '../../../src/lookup/exports.js';

function entry(name: string, module: string) {
  return { name, crc: 1, module, moduleName: module, namespace: '', exportType: 'EXPORT_SYMBOL' };
}

test('of several entries with one name the first wins', () => {
  const exports = indexExports([
    entry('ib_cm_listen', 'ib_cm'),
    entry('kfree', 'vmlinux'),
    entry('ib_cm_listen', 'other'),
  ]);
  expect(exports.find('ib_cm_listen')?.moduleName).toBe('ib_cm');
  expect(exports.find('kfree')?.moduleName).toBe('vmlinux');
  expect(exports.find('constructor')).toBeUndefined();
});
