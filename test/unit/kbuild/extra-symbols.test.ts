import { describe, expect, test } from 'vitest';
import { parseDkms } from '../../../src/kbuild/dkms.js';
import {
  type ExtraSymbolsPlaces,
  extraSymbolsOfMakefiles,
  findExtraSymbols,
  passExtraSymbols,
} from '../../../src/kbuild/extra-symbols.js';
import type { MakeStep } from '../../../src/kbuild/make-step.js';
import { temporaryFolder } from '../kernel/target.js';
import { writeFiles } from './tree.js';

const make = (...words: string[]): MakeStep => ({ kind: 'make', directory: '.', arguments: words });
const command = (...words: string[]): MakeStep => ({ kind: 'command', directory: '.', command: words });

const nothing: ExtraSymbolsPlaces = {
  ...{ tree: '/src/ib_mad', buildDirectory: '/usr/src/linux', release: '6.1.0-1-amd64' },
  ...{ steps: [make()], chosenBy: 'dkms.conf', makeArguments: [], environment: '' },
};

const files = (places: Partial<ExtraSymbolsPlaces>, ofMakefiles: Parameters<typeof findExtraSymbols>[1] = []) =>
  findExtraSymbols({ ...nothing, ...places }, ofMakefiles).map(({ file }) => file);

describe('findExtraSymbols', () => {
  test('every place, each file once, the command line first', () => {
    const places = {
      makeArguments: ['A=1', 'KBUILD_EXTRA_SYMBOLS=/a /b'],
      steps: [make('KBUILD_EXTRA_SYMBOLS=/b /c', 'modules'), command('env', 'KBUILD_EXTRA_SYMBOLS=/d', './make-it')],
      environment: ' /f  /a ',
    };
    expect(files(places, [{ directory: '.', words: ['/e'] }])).toEqual(['/a', '/b', '/c', '/d', '/e', '/f']);
  });

  test('who named a file, and whether it must be there', () => {
    const found = findExtraSymbols({ ...nothing, environment: '/x' }, [{ directory: '.', words: ['/y'] }]);
    expect(found).toEqual([
      { file: '/y', namedBy: "the tree's makefile", isOptional: true },
      { file: '/x', namedBy: 'KBUILD_EXTRA_SYMBOLS in the environment', isOptional: false },
    ]);
  });

  test.each([
    ['{build}/extra', ['/usr/src/linux/extra']],
    ['/lib/{release}/x', ['/lib/6.1.0-1-amd64/x']],
    // From the folder that kbuild runs in.
    ['other.symvers', ['/usr/src/linux/other.symvers']],
    ['{tree}/../other/Module.symvers', ['/src/other/Module.symvers']],
    ['/src/ib_mad-old/x', ['/src/ib_mad-old/x']],
    // Made by the steps of the tree itself.
    ['{tree}/core/Module.symvers', []],
    ['/src/ib_mad/core/Module.symvers', []],
    // Only make can tell.
    ['$(OFED)/Module.symvers', []],
  ])('%s', (word, expected) => {
    expect(files({ steps: [make(`KBUILD_EXTRA_SYMBOLS=${word}`)] })).toEqual(expected);
  });

  test('of the MAKE line of dkms.conf', () => {
    const line =
      'MAKE="make -C $kernel_source_dir M=$dkms_tree/x/1/build KBUILD_EXTRA_SYMBOLS=/usr/src/ofed/Module.symvers"';
    const text = `PACKAGE_NAME=x\nPACKAGE_VERSION=1\n${line}\n`;
    const { steps } = parseDkms(text, { release: nothing.release, architecture: 'x86_64' });
    expect(files({ steps })).toEqual(['/usr/src/ofed/Module.symvers']);
  });
});

test('makefiles: as text, with the folder that they are read for', async () => {
  const tree = await temporaryFolder();
  await writeFiles(tree, {
    Kbuild: 'KBUILD_EXTRA_SYMBOLS := $(src)/../other/Module.symvers \\\n  $(OFED)/x\n# KBUILD_EXTRA_SYMBOLS := /no\n',
    'sub/Makefile': 'export KBUILD_EXTRA_SYMBOLS += /y\n',
    'none/Makefile': 'MY_KBUILD_EXTRA_SYMBOLS = /no\n',
  });
  const found = await extraSymbolsOfMakefiles(tree);
  expect(found).toEqual([
    { directory: '.', words: ['$(src)/../other/Module.symvers', '$(OFED)/x'] },
    { directory: 'sub', words: ['/y'] },
  ]);
  expect(files({}, found)).toEqual(['/src/other/Module.symvers', '/y']);
});

describe('passExtraSymbols', () => {
  const pass = (places: Partial<ExtraSymbolsPlaces>, words: readonly string[] = []) => {
    const ofMakefiles = words.length === 0 ? [] : [{ directory: '.', words }];
    return passExtraSymbols({ ...nothing, ...places, merged: '/work/extra.symvers', read: ['/a', '/b'], ofMakefiles });
  };

  test('is added to every step where nothing sets it', () => {
    const steps = [make('X=1', 'modules'), command('./make-it', '{build}')];
    expect(pass({ steps }).steps).toEqual([
      make('KBUILD_EXTRA_SYMBOLS=/work/extra.symvers', 'X=1', 'modules'),
      command('env', 'KBUILD_EXTRA_SYMBOLS=/work/extra.symvers', './make-it', '{build}'),
    ]);
  });

  test('takes the place of what was read, and leaves the rest', () => {
    const steps = [
      make('KBUILD_EXTRA_SYMBOLS=/a {tree}/core/Module.symvers /b'),
      command('make', 'KBUILD_EXTRA_SYMBOLS=/b'),
    ];
    expect(pass({ steps }).steps).toEqual([
      make('KBUILD_EXTRA_SYMBOLS=/work/extra.symvers {tree}/core/Module.symvers'),
      command('make', 'KBUILD_EXTRA_SYMBOLS=/work/extra.symvers'),
    ]);
  });

  test('the command line counts for all steps', () => {
    const { steps, makeArguments } = pass({ makeArguments: ['KBUILD_EXTRA_SYMBOLS=/a /src/ib_mad/x', 'Y=1'] });
    expect(makeArguments).toEqual(['KBUILD_EXTRA_SYMBOLS=/work/extra.symvers /src/ib_mad/x', 'Y=1']);
    expect(steps).toEqual([make()]);
  });

  test('what only make understands in a makefile is kept, since the command line hides the makefile', () => {
    expect(pass({ environment: '/b' }, ['/a', '$(OFED)/x']).steps).toEqual([
      make('KBUILD_EXTRA_SYMBOLS=/work/extra.symvers $(OFED)/x'),
    ]);
  });
});
