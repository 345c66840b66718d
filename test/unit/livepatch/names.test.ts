import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  kernelModuleName,
  klpSymbolName,
  klpTableName,
  livepatchName,
  parseKlpSymbolName,
  parseKlpTableName,
  requireLivepatchName,
} from '../../../src/livepatch/names.js';

describe('livepatch symbols', () => {
  test('a name as the kernel documents it', () => {
    expect(klpSymbolName({ object: 'ib_mad', name: 'find_agent', sympos: 2 })).toBe('.klp.sym.ib_mad.find_agent,2');
  });

  test('dots belong to the symbol, not to the object', () => {
    expect(parseKlpSymbolName('.klp.sym.vmlinux.find.isra.0,1')).toEqual({
      object: 'vmlinux',
      name: 'find.isra.0',
      sympos: 1,
    });
  });

  test.each([
    '.klp.sym.vmlinux.find',
    '.klp.sym.vmlinux.find,',
    '.klp.sym.vmlinux.find,-1',
    '.klp.sym.vmlinux.find,1 ',
    '.klp.sym..find,1',
    '.klp.sym.vmlinux.,1',
    '.klp.rela.vmlinux.find,1',
    `.klp.sym.${'o'.repeat(56)}.find,1`,
    `.klp.sym.vmlinux.${'f'.repeat(512)},1`,
  ])('%s is refused', (text) => {
    expect(parseKlpSymbolName(text)).toBeUndefined();
  });

  test('what is written can be read back', () => {
    const object = fc.stringMatching(/^[a-z0-9_-]{1,55}$/);
    const name = fc.stringMatching(/^[A-Za-z_$][A-Za-z0-9_.$]{0,510}$/);
    fc.assert(
      fc.property(object, name, fc.nat(), (klpObject, symbol, sympos) => {
        const whole = { object: klpObject, name: symbol, sympos };
        expect(parseKlpSymbolName(klpSymbolName(whole))).toEqual(whole);
      }),
    );
  });

  test('names at the limit pass, one byte more does not', () => {
    expect(klpSymbolName({ object: 'o'.repeat(55), name: 'f'.repeat(511), sympos: 0 })).toHaveLength(
      9 + 55 + 1 + 511 + 2,
    );
    expect(() => klpSymbolName({ object: 'o'.repeat(56), name: 'f', sympos: 0 })).toThrow('klp-object-name-unusable');
    expect(() => klpSymbolName({ object: 'o', name: 'f'.repeat(512), sympos: 0 })).toThrow('klp-symbol-name-unusable');
    // The kernel counts bytes.
    expect(() => klpSymbolName({ object: 'ö'.repeat(28), name: 'f', sympos: 0 })).toThrow('klp-object-name-unusable');
  });

  test.each(['', 'a.b', 'a b', 'a\0b'])('"%s" cannot be an object', (object) => {
    expect(() => klpSymbolName({ object, name: 'f', sympos: 0 })).toThrow('klp-object-name-unusable');
  });

  test.each(['', 'a,b', 'a\0'])('"%s" cannot be a symbol', (name) => {
    expect(() => klpSymbolName({ object: 'toy', name, sympos: 0 })).toThrow('klp-symbol-name-unusable');
  });
});

describe('livepatch relocation tables', () => {
  test('the dot of the section stays', () => {
    expect(klpTableName({ object: 'vmlinux', section: '.text.foo' })).toBe('.klp.rela.vmlinux..text.foo');
    expect(klpTableName({ object: 'toy', section: '__jump_table' })).toBe('.klp.rela.toy.__jump_table');
  });

  test('read back', () => {
    expect(parseKlpTableName('.klp.rela.vmlinux..text.foo')).toEqual({ object: 'vmlinux', section: '.text.foo' });
    expect(parseKlpTableName('.klp.rela.toy.__jump_table')).toEqual({ object: 'toy', section: '__jump_table' });
  });

  test.each(['.rela.text', '.klp.rela.toy', '.klp.rela..text', `.klp.rela.${'o'.repeat(56)}.text`])(
    '%s is refused',
    (text) => {
      expect(parseKlpTableName(text)).toBeUndefined();
    },
  );
});

describe('the livepatch’s own name', () => {
  test.each([
    ['fix.patch', 'livepatch-fix'],
    ['fix.diff', 'livepatch-fix'],
    ['/home/a b/0001-ib: fix (v2).patch', 'livepatch-0001-ib--fix--v2-'],
    ['fix.patch.patch', 'livepatch-fix-patch'],
    ['fix', 'livepatch-fix'],
    ['größe.patch', 'livepatch-gr--e'],
    [`${'a'.repeat(60)}.patch`, `livepatch-${'a'.repeat(45)}`],
  ])('%s gives %s', (file, name) => {
    expect(livepatchName(file)).toBe(name);
  });

  test('is always one that a user could give', () => {
    fc.assert(fc.property(fc.string(), (file) => requireLivepatchName(livepatchName(file), [])));
  });

  test('the kernel knows modules with underscores', () => {
    expect(kernelModuleName('livepatch-a-b')).toBe('livepatch_a_b');
  });

  test.each(['', '-a', '_a', 'a.b', 'a/b', 'a b', 'a'.repeat(56)])('"%s" is refused', (name) => {
    expect(() => requireLivepatchName(name, [])).toThrow('livepatch-name-invalid');
  });

  test('it must not be that of a target', () => {
    expect(() => requireLivepatchName('ib-mad', ['ib_cm', 'ib_mad'])).toThrow('livepatch-name-taken');
    expect(() => requireLivepatchName('vmlinux', [])).toThrow('livepatch-name-taken');
    expect(() => requireLivepatchName('ib-mad-2', ['ib_mad'])).not.toThrow();
  });
});
