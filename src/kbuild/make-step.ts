/** How a tree may say that it is built: the steps that the configuration, `dkms.conf` or kptool's default give. */

/** One call of make, or of a program of the tree's own, that builds the modules. */
export type MakeStep =
  | {
      readonly kind: 'make';
      /** `M=`, relative to the tree; `.` by default. */
      readonly directory: string;
      /** Variables and goals after `make -C BUILD M=DIR`; goals default to `modules`. */
      readonly arguments: readonly string[];
    }
  | {
      readonly kind: 'command';
      /** Program and arguments; `{build}`, `{tree}`, `{release}`, `{jobs}` are replaced. Run in `directory` of the copied tree. */
      readonly directory: string;
      readonly command: readonly string[];
    };
