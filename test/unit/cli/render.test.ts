import { describe, expect, test } from 'vitest';
import { renderDiagnostic, renderOutcome } from '../../../src/cli/render.js';
import type { Diagnostic } from '../../../src/diagnostics/diagnostic.js';
import type { BuildReport } from '../../../src/pipeline/options.js';
import type { Plan } from '../../../src/pipeline/plan.js';
import { recordedOutput } from './screen.js';

const finding: Diagnostic = {
  code: 'data-changed',
  severity: 'error',
  exitStatus: 1,
  what: 'core/agent.c: the patch changes the initial value of limit.',
  why: 'A livepatch replaces functions. Data that is in memory keeps its value.',
  fix: 'Set the new value in a callback, or keep it in a shadow variable.',
  details: ['.data.limit in agent.o', 'a detail that is longer than a line of the terminal stays whole'],
};

describe('a diagnostic', () => {
  test('for a file or pipe: one line for each part', () => {
    expect(renderDiagnostic(finding, recordedOutput())).toBe(
      [
        'error: core/agent.c: the patch changes the initial value of limit.   [data-changed]',
        '  why  A livepatch replaces functions. Data that is in memory keeps its value.',
        '  do   Set the new value in a callback, or keep it in a shadow variable.',
        '  at   .data.limit in agent.o',
        '       a detail that is longer than a line of the terminal stays whole',
        '',
      ].join('\n'),
    );
  });

  test('on a narrow terminal: wrapped, details whole', () => {
    expect(renderDiagnostic(finding, recordedOutput(44))).toBe(
      [
        'error: core/agent.c: the patch changes the',
        '  initial value of limit.   [data-changed]',
        '  why  A livepatch replaces functions. Data',
        '       that is in memory keeps its value.',
        '  do   Set the new value in a callback, or',
        '       keep it in a shadow variable.',
        '  at   .data.limit in agent.o',
        '       a detail that is longer than a line of the terminal stays whole',
        '',
      ].join('\n'),
    );
  });

  test('names from files cannot command the terminal', () => {
    const text = renderDiagnostic(
      { ...finding, what: 'x\u001b]0;title\u0007', details: ['a\u001b[1A'] },
      recordedOutput(),
    );
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });
});

const report: BuildReport = {
  name: 'livepatch-fix',
  kernel: { release: '6.1.0-1-amd64', chosenBy: 'the option --kernel' },
  modules: [
    { name: 'ib_mad', file: '/lib/modules/ib_mad.ko', chosenBy: 'the installed one' },
    { name: 'ib_cm', file: undefined, chosenBy: 'built from the unpatched source' },
  ],
  objects: [
    {
      object: 'core/agent.o',
      module: 'ib_mad',
      changedFunctions: ['show', 'send'],
      newFunctions: ['limit'],
      newData: [],
      callbacks: [{ kind: 'pre_patch', function: 'mad_prepare' }],
      changes: [],
      unchangedByLine: [],
      lookups: [],
    },
  ],
  unchangedObjects: [],
  warnings: [],
  workFolder: undefined,
};

const place = { about: undefined, offset: 0x10 };
const explained: BuildReport = {
  ...report,
  objects: report.objects.map((object) => ({
    ...object,
    changes: [
      {
        function: 'show',
        reason: 'inlined callee',
        about: 'helper',
        place: 'show+0x23',
        offset: 0x23,
        original: 'call helper',
        patched: 'mov $0x1,%eax',
      },
      { ...place, function: 'send', reason: 'size', place: 'send+0x10', original: undefined, patched: 'ret' },
    ],
    unchangedByLine: [
      {
        ...place,
        function: 'probe',
        reason: 'line number',
        place: 'probe+0x10',
        original: 'mov $0x1,%esi',
        patched: 'mov $0x2,%esi',
      },
    ],
  })),
};

describe('the result', () => {
  test('of a build', () => {
    expect(renderOutcome({ kind: 'built', file: '/out dir/livepatch-fix.ko', report }, recordedOutput())).toBe(
      [
        'built /out dir/livepatch-fix.ko',
        '  for kernel 6.1.0-1-amd64, chosen by the option --kernel',
        '  patches module ib_mad: /lib/modules/ib_mad.ko (the installed one)',
        '  uses module ib_cm: (built from the unpatched source)',
        '',
        'core/agent.o in ib_mad',
        '  changed functions  show, send',
        '  new functions      limit',
        '  callbacks          pre_patch mad_prepare',
        '',
        'To use it, as root on that machine:',
        "  insmod '/out dir/livepatch-fix.ko'",
        '  cat /sys/kernel/livepatch/livepatch_fix/transition   # 0 when every task runs the new code',
        '',
        'To go back to the old code:',
        '  echo 0 > /sys/kernel/livepatch/livepatch_fix/enabled',
        '  rmmod livepatch_fix                                  # when its folder in /sys is gone',
        '',
      ].join('\n'),
    );
  });

  test('of a build that was asked why functions changed', () => {
    const text = renderOutcome({ kind: 'built', file: '/x.ko', report: explained }, recordedOutput());
    expect(text).toContain(
      [
        '  new functions      limit',
        '  callbacks          pre_patch mad_prepare',
        '  why show changed: inlined callee helper, see show+0x23',
        '    before  call helper',
        '    after   mov $0x1,%eax',
        '  why send changed: size, see send+0x10',
        '    before  (the code ends here)',
        '    after   ret',
        '  unchanged but for line numbers: probe',
        '',
      ].join('\n'),
    );
  });

  test('of a build that was asked what decided whose symbol each one is', () => {
    const missing = { level: undefined, rule: undefined, target: undefined, evidence: undefined };
    const target = { name: 'helper.isra.1', object: 'ib_mad', sympos: 2 };
    const lookups = [
      { symbol: 'helper', scope: 'local', outcome: 'found', level: 4, rule: 'by file', target, evidence: 'cm.c' },
      { ...missing, symbol: 'ours', scope: 'global', outcome: 'missing' },
    ] as const;
    const objects = report.objects.map((object) => ({ ...object, lookups }));
    const text = renderOutcome({ kind: 'built', file: '/x.ko', report: { ...report, objects } }, recordedOutput());
    expect(text).toContain(
      [
        '  callbacks          pre_patch mad_prepare',
        '  symbol helper is ib_mad:helper.isra.1,2 by rule 4 (by file): cm.c',
        '  symbol ours is missing in the target, left to the link of the livepatch',
        '',
      ].join('\n'),
    );
  });

  test('of a build that changed nothing', () => {
    expect(renderOutcome({ kind: 'unchanged', report }, recordedOutput())).toBe(
      'No functional change: the patch changes nothing that runs, so no livepatch was made.\n',
    );
  });

  test('of a build that changes nothing, to who asked why', () => {
    const moved = explained.objects[0]?.unchangedByLine ?? [];
    const unchangedObjects = [
      { object: 'core/agent.o', module: 'ib_mad', unchangedByLine: moved },
      { object: 'cm.o', module: 'ib_mad', unchangedByLine: [] },
    ];
    const text = renderOutcome({ kind: 'unchanged', report: { ...report, unchangedObjects } }, recordedOutput());
    expect(text).toBe(
      [
        'No functional change: the patch changes nothing that runs, so no livepatch was made.',
        'core/agent.o in ib_mad: no function changed',
        '  unchanged but for line numbers: probe',
        'cm.o in ib_mad: no function changed',
        '',
      ].join('\n'),
    );
  });

  const plan: Plan = {
    file: '/out/livepatch-fix.ko',
    workFolder: '/cache/work/livepatch-fix-XXXXXX',
    wholeTree: undefined,
    objects: [
      { object: 'core/agent.o', source: 'core/agent.c', because: ['core/agent.c', 'mad.h'], modules: ['ib_mad'] },
      { object: 'cm.o', source: 'cm.c', because: ['cm.c'], modules: [] },
    ],
    commands: [
      {
        purpose: 'original objects',
        directory: '/cache/work/livepatch-fix-XXXXXX/tree',
        program: 'make',
        arguments: ['-C', '/build', 'M=/cache/work/livepatch-fix-XXXXXX/tree', 'A=1 2', 'core/agent.o'],
        isCached: false,
      },
      { purpose: 'entry sizes', directory: '/', program: 'make', arguments: [], isCached: true },
    ],
  };

  test('of a check', () => {
    const checked = { ...report, touched: ['core/agent.c'], compiled: undefined, plan };
    expect(renderOutcome({ kind: 'checked', report: checked }, recordedOutput())).toBe(
      [
        'checked for kernel 6.1.0-1-amd64, chosen by the option --kernel; nothing was built',
        '  sees module ib_mad: /lib/modules/ib_mad.ko (the installed one)',
        '  sees module ib_cm: (built from the unpatched source)',
        '',
        'Files that the patches touch:',
        '  core/agent.c',
        'Objects that would be compiled, before and after the patch:',
        '  core/agent.o in ib_mad, for mad.h',
        '  cm.o',
        'Commands that would run, with /cache/work/livepatch-fix-XXXXXX for WORK:',
        "  original objects: make -C /build M=WORK/tree 'A=1 2' core/agent.o",
        '1 of 2 have their result in the cache',
        'The livepatch would be /out/livepatch-fix.ko',
        '',
      ].join('\n'),
    );
  });

  test('of a check, where the tree is built whole', () => {
    const whole = { ...plan, wholeTree: 'Kbuild is neither C source nor header', objects: [] };
    const checked = { ...report, touched: ['Kbuild'], compiled: undefined, plan: whole };
    expect(renderOutcome({ kind: 'checked', report: checked }, recordedOutput())).toContain(
      'The whole tree would be compiled:\n  Kbuild is neither C source nor header.\n',
    );
  });

  test('names the work folder that was kept', () => {
    const kept = { ...report, workFolder: '/cache/work-1' };
    expect(renderOutcome({ kind: 'built', file: '/x.ko', report: kept }, recordedOutput())).toContain('/cache/work-1');
  });
});
