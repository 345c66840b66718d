import { describe, expect, test } from 'vitest';
import { type BuildMarks, buildMarks } from '../../../src/lookup/build-marks.js';
import { judge, type VerdictInput } from '../../../src/lookup/verdict.js';
import type { ObjectVerification } from '../../../src/lookup/verification.js';
import { describeVerification } from '../../../src/lookup/verification-findings.js';

const GCC = 'GCC: (Debian 12.2.0-14+deb12u1) 12.2.0';
const noMarks: BuildMarks = { compilers: [], options: [] };

function verified(
  names: readonly string[],
  functions = 20,
  more: Partial<ObjectVerification> = {},
): ObjectVerification {
  const differences = names.map((name) => ({
    name,
    targetName: name,
    kind: 'function' as const,
    callees: [],
    text: `${name}: first difference at ${name}+0x4`,
  }));
  const identical = functions - names.length;
  return {
    object: 'cm.o',
    functions,
    identical,
    differences,
    overridden: [],
    meaningless: [],
    instruments: new Map(),
    ...more,
  };
}

function verdict(objects: readonly ObjectVerification[], more: Partial<VerdictInput> = {}) {
  const releases = { release: '6.1.0-13-amd64', targetRelease: '6.1.0-13-amd64' };
  return judge({ objects, ours: noMarks, theirs: noMarks, contradictions: [], ...releases, ...more });
}

const marks = (compiler: string, ...options: string[]): BuildMarks => ({
  compilers: [compiler],
  options: [['-m64', ...options]],
});

describe('the verdict', () => {
  test('same, whatever signatures say', () => {
    expect(verdict([verified([])], { ours: marks(GCC), theirs: marks('GCC: (GNU) 13.1.0') })).toEqual({
      verdict: 'same',
      evidence: ['20 of 20 functions of cm.o identical'],
    });
  });
  test('same but for names', () => {
    const object = verified([], 20, { meaningless: ['__UNIQUE_ID_x1', '__UNIQUE_ID_x2'] });
    expect(verdict([object])).toMatchObject({
      verdict: 'same but for names',
      evidence: ['missing are only __UNIQUE_ID_x1 and 1 more', '20 of 20 functions of cm.o identical'],
    });
  });
  test('other compiler, before anything else that follows from it', () => {
    const { verdict: found, evidence } = verdict([verified(['f'])], {
      ours: marks(GCC, '-O2'),
      theirs: marks('GCC: (GNU) 13.1.0', '-O3'),
    });
    expect(found).toBe('other compiler');
    expect(evidence[0]).toBe(`the target was compiled by GCC: (GNU) 13.1.0, this build by ${GCC}`);
  });
  test('other options, by the nearest of the sources of the target', () => {
    const theirs = {
      compilers: [GCC],
      options: [
        ['-m64', '-O3'],
        ['-m32', '-O3', '-g'],
      ],
    };
    expect(verdict([verified(['f'])], { ours: marks(GCC, '-O2'), theirs })).toMatchObject({
      verdict: 'other configuration',
      evidence: ['the target was compiled with -O3, this build has -O2', expect.any(String)],
    });
  });
  test('another flavour of the kernel', () => {
    expect(verdict([verified(['f'])], { targetRelease: '6.1.0-13-rt-amd64' })).toMatchObject({
      verdict: 'other configuration',
      evidence: ['the target was built for 6.1.0-13-rt-amd64, not for 6.1.0-13-amd64', expect.any(String)],
    });
  });
  test('a module that is equal may come from another release', () => {
    expect(verdict([verified([])], { targetRelease: '6.1.0-12-amd64' }).verdict).toBe('same');
  });
  test('a version magic that the kernel refuses, even where all is equal', () => {
    expect(verdict([verified([])], { contradictions: ['preempt_rt'] })).toMatchObject({
      verdict: 'other configuration',
      evidence: [expect.stringContaining('preempt_rt'), expect.any(String)],
    });
  });
  test.each([
    [3, 0, '3 functions show CONFIG_RETPOLINE here, none in the target'],
    [0, 3, '3 functions of the target show CONFIG_RETPOLINE, none here'],
  ])('an option that one side shows: %i and %i', (ours, theirs, text) => {
    const instruments = new Map([['CONFIG_RETPOLINE', { ours, theirs }]]);
    expect(verdict([verified(['f'], 20, { instruments })])).toMatchObject({
      verdict: 'other configuration',
      evidence: [text, expect.any(String)],
    });
  });
  test.each([
    [2, 0],
    [5, 4],
  ])('what a changed source may show is no option: %i and %i', (ours, theirs) => {
    const instruments = new Map([['CONFIG_STACKPROTECTOR', { ours, theirs }]]);
    expect(verdict([verified(['f'], 20, { instruments })]).verdict).toBe('other source');
  });
  test('most functions of all objects', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    expect(verdict([verified(names, 10)]).verdict).toBe('other configuration');
    expect(verdict([verified(names, 10), verified([], 10)]).verdict).toBe('other source');
    expect(verdict([verified(['a', 'b', 'c'], 4)]).verdict).toBe('other source');
  });
  test('several objects are added up', () => {
    const objects = ['a.o', 'b.o', 'c.o', 'd.o'].map((object) => verified([], 2, { object }));
    expect(verdict(objects).evidence).toEqual(['8 of 8 functions of 4 objects identical']);
    expect(verdict(objects.slice(0, 2)).evidence).toEqual(['4 of 4 functions of a.o, b.o identical']);
  });
});

describe('the findings', () => {
  const [send, show] = verified(['cm_send', 'cm_show']).differences;

  function findings(changed: string[], needed: string[], differences: ObjectVerification['differences']) {
    const verification = { ...verified([]), differences };
    const touched = { changed: new Set(changed), needed: new Set(needed) };
    const found = describeVerification({
      module: 'ib_cm',
      target: 'ib_cm.ko',
      objects: [{ verification, touched }],
      judgement: verdict([verification]),
      isOfAnotherKernel: false,
    });
    return found.map(({ severity, code, what }) => [severity, code, what.split(': ').at(-1)]);
  }

  const both = send && show ? [send, show] : [];
  test('what is changed or needed is an error, the rest a warning', () => {
    expect(findings(['cm_send'], [], both)).toEqual([
      ['error', 'target-function-differs', 'cm_send'],
      ['warning', 'target-differs', 'cm_show'],
    ]);
    expect(findings([], ['cm_show'], both)).toEqual([
      ['error', 'target-function-differs', 'cm_show'],
      ['warning', 'target-differs', 'cm_send'],
    ]);
    expect(findings([], [], both)).toEqual([['warning', 'target-differs', 'cm_send, cm_show']]);
    expect(findings(['cm_send'], [], [])).toEqual([]);
  });
  test('where the comparison failed, nothing is said about what the patch needs', () => {
    const verification = { ...verified([]), differences: both };
    const base = { module: 'ib_cm', target: 'ib_cm.ko', judgement: verdict([verification]), isOfAnotherKernel: false };
    const [unknown] = describeVerification({ ...base, objects: [{ verification, touched: undefined }] });
    expect(unknown).toMatchObject({ code: 'target-differs', why: expect.stringContaining('other findings') });
    expect(unknown?.what).toBe('2 functions and data differ between ib_cm (ib_cm.ko) and this build: cm_send, cm_show');
  });
  test('a weak function that another object defines matters only to who changes it', () => {
    const verification = { ...verified([]), overridden: verified(['cm_arch']).differences };
    expect(verdict([verification]).verdict).toBe('same');
    const base = { module: 'ib_cm', target: 'ib_cm.ko', judgement: verdict([verification]), isOfAnotherKernel: false };
    const codes = (changed: string, needed: string) => {
      const touched = { changed: new Set([changed]), needed: new Set([needed]) };
      return describeVerification({ ...base, objects: [{ verification, touched }] }).map(({ code }) => code);
    };
    expect(codes('cm_send', 'cm_arch')).toEqual([]);
    expect(codes('cm_arch', 'cm_send')).toEqual(['weak-function-overridden']);
  });
  test('the cold part belongs to its function', () => {
    const cold = verified(['cm_send.cold']).differences;
    expect(findings(['cm_send'], [], cold)).toEqual([['error', 'target-function-differs', 'cm_send.cold']]);
  });
  test('a caller that differs may hold a copy of what is changed, and so may its caller', () => {
    const callers = both.map((one, at) => ({ ...one, callees: at === 0 ? ['cm_find'] : ['cm_send'] }));
    expect(findings(['cm_find'], [], callers)).toEqual([['error', 'target-function-differs', 'cm_send, cm_show']]);
    expect(findings([], ['cm_find'], callers)).toEqual([['warning', 'target-differs', 'cm_send, cm_show']]);
  });
});

describe('what compilers leave of themselves', () => {
  const section = (name: string, text: string, flags = 0) => ({ name, flags, content: Buffer.from(text) });
  test('signatures and options, without those of kptool', () => {
    const producer = 'GNU C11 12.2.0 -m64 -O2 -ffunction-sections -fdata-sections';
    const sections = [
      section('.comment', `\0${GCC}\0${GCC}\0`),
      section('.debug_str', `int\0${producer}\0GNU AS 2.40\0`),
    ];
    expect(buildMarks(sections)).toEqual({ compilers: [GCC], options: [['-m64', '-O2']] });
  });
  test('nothing where nothing is, or where it is compressed', () => {
    expect(buildMarks([section('.debug_str', 'GNU C11 12.2.0 -m64\0', 0x800)])).toEqual(noMarks);
  });
});
