import { describe, expect, test } from 'vitest';
import { parseDkms } from '../../../src/kbuild/dkms.js';

const target = { release: '6.1.0-13-amd64', architecture: 'x86_64' };
const head = 'PACKAGE_NAME="ib-mad"\nPACKAGE_VERSION=1.2\nBUILT_MODULE_NAME[0]="ib_mad"\n';
const parse = (text: string) => parseDkms(head + text, target);
const ordinary = (directory: string, ...further: string[]) => ({ kind: 'make', directory, arguments: further });
const command = (directory: string, ...words: string[]) => ({ kind: 'command', directory, command: words });

describe('MAKE lines that are kbuild calls', () => {
  test.each([
    [`make -C $kernel_source_dir M=\${dkms_tree}/\${PACKAGE_NAME}/\${PACKAGE_VERSION}/build`, ordinary('.')],
    [
      `make -C \${kernel_source_dir}/ M=$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/build/src modules`,
      ordinary('src', 'modules'),
    ],
    ["'make' -j4 -C$kernel_source_dir M=$source_tree/$PACKAGE_NAME-$PACKAGE_VERSION V=1", ordinary('.', 'V=1')],
    ["make -C $kernel_source_dir SUBDIRS=$dkms_tree/ib-mad/1.2/build CONFIG_IB='m y'", ordinary('.', 'CONFIG_IB=m y')],
  ])('%s', (line, step) => {
    expect(parse(`MAKE[0]="${line}"\n`).steps).toEqual([step]);
  });
});

describe('MAKE lines that are commands', () => {
  test.each([
    // dkms adds its arguments to a leading make, and leaves alone one in quotes.
    [
      'make KVER=$kernelver all',
      command('.', 'make', '-j{jobs}', 'KERNELRELEASE=6.1.0-13-amd64', 'KVER=6.1.0-13-amd64', 'all'),
    ],
    [
      "'make' -j$(nproc) KDIR=/lib/modules/`uname -r`/build",
      command('.', 'make', '-j{jobs}', 'KDIR=/lib/modules/6.1.0-13-amd64/build'),
    ],
    [`cd \${dkms_tree}/ib-mad/1.2/build/src && ./build.sh $arch`, command('src', './build.sh', 'x86_64')],
    [`KVER=\${kernelver} ./build.sh`, command('.', 'env', 'KVER=6.1.0-13-amd64', './build.sh')],
  ])('%s', (line, step) => {
    expect(parse(`MAKE="${line}"\n`).steps).toEqual([step]);
  });

  test('several in one line, in order', () => {
    expect(parse("MAKE[0]='./configure --kernel=$kernelver; cd src && ./build'\n".replaceAll("'", '"')).steps).toEqual([
      command('.', './configure', '--kernel=6.1.0-13-amd64'),
      command('src', './build'),
    ]);
  });
});

describe('what else the file may say', () => {
  test('no MAKE means the ordinary way', () => {
    expect(parse('AUTOINSTALL="yes"\nDEST_MODULE_LOCATION[0]=/extra\n')).toEqual({ steps: [], modules: ['ib_mad'] });
  });

  test('of several MAKE lines the one whose match fits', () => {
    const lines =
      'MAKE[0]="./any"\nMAKE[1]="./old"\nMAKE_MATCH[1]="^5\\."\nMAKE[2]="./six"\nMAKE_MATCH[2]="^6\\.1\\."\n';
    expect(parse(lines).steps).toEqual([command('.', './six')]);
    expect(parseDkms(head + lines, { ...target, release: '6.6.0' }).steps).toEqual([command('.', './any')]);
  });

  test('PRE_BUILD runs first, from the tree', () => {
    expect(parse(`PRE_BUILD="scripts/prepare.sh \${kernelver}"\nMAKE="./build"\n`).steps).toEqual([
      command('.', './scripts/prepare.sh', '6.1.0-13-amd64'),
      command('.', './build'),
    ]);
  });

  test('comments, continued lines, appended values, variables of its own', () => {
    const text = `# how to build
      BASE=src   # the folder
      FLAGS="A=1"
      FLAGS+=" B=2"
      MAKE="make -C \${kernel_source_dir} \\
        M=\${dkms_tree}/ib-mad/1.2/build/$BASE $FLAGS"
      BUILT_MODULE_NAME[1]='ib_cm_stats'`;
    expect(parse(text)).toEqual({ steps: [ordinary('src', 'A=1', 'B=2')], modules: ['ib_mad', 'ib_cm_stats'] });
  });
});

describe('what needs a shell is refused by name', () => {
  test.each([
    ['a condition', 'if [ -d x ]; then\nMAKE="./a"\nfi\n', /if \[ -d x \]; then/],
    ['a command', 'MAKE="make KVER=$(cat /proc/version)"\n', /\$\(cat \/proc\/version\)/],
    ['a command without quotes', 'MAKE=./a;rm -r x\n', /dkms-unsupported/],
    ['an expansion with an operation', `MAKE="make V=\${kernelver%%-*}"\n`, /\$\{kernelver%%-\*\}/],
    ['a pipe', 'MAKE="./a | ./b"\n', /\.\/a \| \.\/b/],
    ['a redirection', 'MAKE="./a > log"\n', /\.\/a > log/],
    ['an open quote', 'MAKE="./a\n', /dkms-unsupported/],
    ['patches of its own', 'PATCH[0]="fix.patch"\n', /PATCH/],
    ['the folder of another package', `MAKE="make X=\${dkms_tree}/other/1.0/build"\n`, /\$dkms_tree\/other/],
    ['a folder outside the tree', 'MAKE="cd ../other && ./build"\n', /cd \.\.\/other/],
    ['a match that is no expression', 'MAKE[0]="./a"\nMAKE_MATCH[0]="("\n', /MAKE_MATCH="\("/],
  ])('%s', (_, text, named) => {
    expect(() => parse(text)).toThrow(named);
    expect(() => parse(text)).toThrow(/\[dkms-unsupported\]/);
  });
});
