import { describe, expect, test } from 'vitest';
import { Anonymiser } from '../../../../src/pipeline/bundle/anonymise.js';

const anonymiser = new Anonymiser({
  places: [
    ['/home/ann', '<home>'],
    ['/home/ann/src/ib_mad', '<tree>'],
    ['/home/ann/.cache/kptool/work/livepatch-fix-Ab12Cd', '<work>'],
    ['/srv/my modules', '<path>'],
    ['/', '<root>'],
    ['', '<nothing>'],
  ],
  names: [
    ['annika', '<user>'],
    ['mad', '<user>'],
    ['root', '<user>'],
    ['vm', '<host>'],
    ['builder.example.org', '<host>'],
  ],
  words: ['mad', 'agent'],
});

describe('what becomes of', () => {
  test.each([
    ['/home/ann/src/ib_mad/mad.c:3: error', '<tree>/mad.c:3: error'],
    ['/home/ann/src/ib_mad-old/mad.c', '<home>/src/ib_mad-old/mad.c'],
    ['/home/annika/mad.c', '<path>/mad.c'],
    ['log: /home/ann/.cache/kptool/work/livepatch-fix-Ab12Cd/kbuild/patched.log', 'log: <work>/kbuild/patched.log'],
    ['"/srv/my modules/ib_mad.ko"', '"<path>/ib_mad.ko"'],
    ['/srv/elsewhere/deep/ib_mad.ko', '<path>/ib_mad.ko'],
    ['-I/opt/company/include -DX', '-I<path>/include -DX'],
    ['CC=/opt/company/gcc', 'CC=<path>/gcc'],
    ['/usr/bin/make -C /usr/src/linux-headers-6.1', '/usr/bin/make -C /usr/src/linux-headers-6.1'],
    ['/usr/local/src/x.c', '<path>/x.c'],
    ['annika@builder.example.org wrote', '<user>@<host> wrote'],
    ['annikas', 'annikas'],
    // A user who is called like the driver says nothing, and neither does root.
    ['mad.c of root on vm', 'mad.c of root on vm'],
    ['core/agent.c and a/b', 'core/agent.c and a/b'],
  ])('%s', (text, expected) => expect(anonymiser.text(text)).toBe(expected));
});

test('the parts of a message become what the message becomes', () => {
  const path = '/srv/my modules/ib_mad.ko';
  const word = (name: string) => `${name}, given with --module, was not needed`;
  expect(word(anonymiser.text(path))).toBe(anonymiser.text(word(path)));
});

test('a source keeps what only looks like a path or a name', () => {
  const source = '/* annika: see /proc/ib_mad/cm, /var/x/y */ open("/home/ann/src/ib_mad/x")';
  expect(anonymiser.source(source)).toBe('/* annika: see /proc/ib_mad/cm, /var/x/y */ open("<tree>/x")');
});

test('an object keeps its length, and every byte that is no place', () => {
  const object = Buffer.from('\0/home/ann/src/ib_mad/mad.c\0/home/annika/x\0/home/ann\0');
  const anonymous = anonymiser.bytes(object).toString();
  expect(anonymous).toBe('\0/xxxxxxxxxxxxxxxxxxx/mad.c\0/home/annika/x\0/xxxxxxxx\0');
  expect(anonymous.length).toBe(object.length);
});

test('values, deep down', () => {
  const value = { oot: '/home/ann/src/ib_mad', list: ['/home/ann/x', 3, null], deep: { is: true } };
  expect(anonymiser.value(value)).toEqual({ oot: '<tree>', list: ['<home>/x', 3, null], deep: { is: true } });
});
