import { describe, expect, test } from 'vitest';
import {
  checkCompiler,
  compilerIdentity,
  compilerOfConfig,
  howToInstallCompiler,
} from '../../../src/kernel/compiler.js';
import { parseKernelConfig } from '../../../src/kernel/config.js';
import { readModuleFile } from '../../../src/kernel/module-file.js';
import type { Family } from '../../../src/system/distribution.js';
import { fakeCompiler, moduleFile } from './target.js';

const debian = 'gcc-12 (Debian 12.2.0-14) 12.2.0';
const kernelBuiltWith = (versionText: string) => ({
  release: '6.1.0-13-amd64',
  compiler: { program: 'gcc-12', versionText },
});

describe('compilerIdentity', () => {
  test.each([
    [debian, 'gcc', '12.2.0', 'Debian 12.2.0-14'],
    ['GCC: (Debian 12.2.0-14) 12.2.0', 'gcc', '12.2.0', 'Debian 12.2.0-14'],
    ['x86_64-linux-gnu-gcc-11 (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0', 'gcc', '11.4.0', 'Ubuntu 11.4.0-1ubuntu1~22.04'],
    ['gcc (GCC) 11.4.1 20230605 (Red Hat 11.4.1-2)', 'gcc', '11.4.1', 'Red Hat 11.4.1-2'],
    ['GCC: (GNU) 11.4.1 20230605 (Red Hat 11.4.1-2)', 'gcc', '11.4.1', 'Red Hat 11.4.1-2'],
    ['Debian clang version 14.0.6', 'clang', '14.0.6', 'Debian'],
    ['clang version 17.0.6 (Fedora 17.0.6-2)', 'clang', '17.0.6', ''],
  ])('%s', (text, vendor, version, revision) => {
    expect(compilerIdentity(text)).toEqual({ vendor, version, revision });
  });

  test.each(['', 'rustc version 1.78.0 (9b00956e5)', 'GNU AS 2.40', 'gcc of no version'])(
    'not a C compiler: %s',
    (text) => {
      expect(compilerIdentity(text)).toBeUndefined();
    },
  );
});

describe('what to type for the compiler that built a kernel', () => {
  const on = (name: string, family: Family | undefined) => ({ name, family });
  test.each([
    ['its own revision', debian, on('Debian GNU/Linux 12 (bookworm)', 'debian'), 'apt-get install gcc-12=12.2.0-14'],
    ['another distribution’s', debian, on('Ubuntu 24.04', 'debian'), 'apt-get install gcc-12'],
    [
      'Ubuntu’s',
      'x86_64-linux-gnu-gcc-11 (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0',
      on('Ubuntu 22.04.3 LTS', 'debian'),
      'apt-get install gcc-11=11.4.0-1ubuntu1~22.04',
    ],
    ['clang', 'Debian clang version 14.0.6', on('Debian GNU/Linux 12', 'debian'), 'apt-get install clang-14'],
    [
      'Red Hat’s',
      'gcc (GCC) 11.4.1 20230605 (Red Hat 11.4.1-2)',
      on('Rocky Linux', 'fedora'),
      'dnf install gcc-11.4.1',
    ],
    ['SUSE’s', 'gcc (SUSE Linux) 7.5.0', on('openSUSE Leap', 'suse'), 'zypper install gcc7'],
    ['Arch’s', 'gcc (GCC) 14.1.1 20240522', on('Arch Linux', 'arch'), undefined],
    ['nobody’s', debian, on('', undefined), undefined],
  ])('%s', (_, text, distribution, expected) => {
    const identity = compilerIdentity(text);
    expect(identity && howToInstallCompiler(identity, distribution)).toBe(expected);
  });
});

describe('compilerOfConfig', () => {
  test.each([
    [`CONFIG_CC_VERSION_TEXT="${debian}"`, 'gcc-12'],
    ['CONFIG_CC_VERSION_TEXT="Debian clang version 14.0.6"', 'clang'],
    ['CONFIG_X86_64=y', 'gcc'],
  ])('%s', (text, program) => {
    expect(compilerOfConfig(parseKernelConfig(text)).program).toBe(program);
  });
});

describe('checkCompiler', () => {
  const check = async (installed: string, built: string, comments: string[] = [], skipCheck = false) => {
    const modules = comments.length === 0 ? [] : [await readModuleFile(await moduleFile({ comments }))];
    const makeArguments = ['W=1', `CC=${await fakeCompiler(installed)}`];
    return checkCompiler({ kernel: kernelBuiltWith(built), makeArguments, modules, skipCheck });
  };
  const codes = (findings: readonly { code: string; severity: string }[]) =>
    findings.map(({ code, severity }) => `${severity}: ${code}`);

  test('the same compiler', async () => {
    const { compiler, warnings } = await check(debian, debian, ['GCC: (Debian 12.2.0-14) 12.2.0']);
    expect(warnings).toEqual([]);
    expect(compiler.versionText).toBe(debian);
    expect(compiler.command[0]).toMatch(/\/gcc-12$/);
  });

  test('another revision of the distribution is a warning', async () => {
    const { warnings } = await check('gcc-12 (Debian 12.2.0-15) 12.2.0', debian);
    expect(codes(warnings)).toEqual(['warning: compiler-revision-differs']);
  });

  test.each([
    ['another patch level', 'gcc-12 (Debian 12.2.1-1) 12.2.1', debian],
    ['another vendor', 'Debian clang version 12.2.0', debian],
    ['unreadable', 'my compiler', debian],
  ])('%s', async (_, installed, built) => {
    await expect(check(installed, built)).rejects.toThrow(/is not the one that built kernel .*\[compiler-differs\]/);
    expect(codes((await check(installed, built, [], true)).warnings)).toEqual(['warning: compiler-differs']);
  });

  test('the kernel matches and the module does not', async () => {
    await expect(check(debian, debian, ['GCC: (Debian 10.2.1-6) 10.2.1 20210110'])).rejects.toThrow(
      /is not the one that built target\.ko/,
    );
  });

  test('a signature of another language is passed over', async () => {
    expect((await check(debian, debian, ['rustc version 1.78.0'])).warnings).toEqual([]);
  });

  test('a compiler behind another program', async () => {
    const program = await fakeCompiler(debian);
    const question = {
      kernel: kernelBuiltWith(debian),
      makeArguments: [`CC=env ${program}`],
      modules: [],
      skipCheck: false,
    };
    expect((await checkCompiler(question)).compiler.command).toEqual(['env', program]);
  });

  describe('the CPU that it compiles for', () => {
    const checkFor = async (architecture: string, machine: string, program = 'gcc-12') =>
      checkCompiler({
        kernel: {
          ...kernelBuiltWith(debian),
          compiler: { program, versionText: debian },
          architecture: { name: architecture },
        },
        ...{ makeArguments: [`CC=${await fakeCompiler(debian, machine)}`], modules: [], skipCheck: false },
      });

    test.each([
      ['x86_64', 'x86_64-linux-gnu'],
      ['x86_64', 'i686-linux-gnu'],
      ['aarch64', 'aarch64-redhat-linux'],
      ['ppc64le', 'powerpc64le-linux-gnu'],
      ['s390x', 's390x-suse-linux'],
      ['aarch64', 'no machine at all'],
    ])('%s by %s', async (architecture, machine) => {
      expect((await checkFor(architecture, machine)).warnings).toEqual([]);
    });

    test('is another one', async () => {
      await expect(checkFor('aarch64', 'x86_64-linux-gnu')).rejects.toThrow(
        /makes objects for x86_64, and kernel .* is for aarch64.*\[compiler-other-machine\]/,
      );
    });

    test('is not asked of clang, which has them all', async () => {
      expect((await checkFor('aarch64', 'x86_64-linux-gnu', 'clang')).warnings).toEqual([]);
    });
  });

  test('a compiler that is not there, alone or behind another program', async () => {
    for (const command of ['kptool-no-such-gcc', 'env kptool-no-such-gcc']) {
      const question = {
        kernel: kernelBuiltWith(debian),
        makeArguments: [`CC=${command}`],
        modules: [],
        skipCheck: true,
      };
      await expect(checkCompiler(question)).rejects.toThrow(
        /kptool-no-such-gcc is not installed.*\[compiler-missing\]/,
      );
    }
  });
});
