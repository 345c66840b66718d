/**
 * The kernel inside a boot image of x86: `/boot/vmlinuz-RELEASE` is a loader with the compressed ELF file of the kernel as
 * its payload. That file has all sections and no symbols. Every installed kernel has it, unlike the one with symbols.
 */
import { decompress, isGzip } from './decompress.js';

/** Offsets of the setup header (Documentation/arch/x86/boot.rst of the kernel, "The Real-Mode Kernel Header"). */
const header = { setupSectors: 0x1f1, magic: 0x202, version: 0x206, payloadOffset: 0x248, payloadLength: 0x24c };
/** The first version of the boot protocol that says where the payload is. */
const versionWithPayload = 0x0208;
const sectorSize = 512;

/**
 * The ELF file in `image`; `undefined` where it is no such image, or is packed with something that is not known. `file` is
 * for messages. Throws what `decompress` throws.
 */
export async function kernelInBootImage(image: Uint8Array, file: string): Promise<Uint8Array | undefined> {
  const payload = payloadOf(image);
  if (payload === undefined) return undefined;
  // The build appends the unpacked size, four bytes, to what is packed; gzip writes the same by itself.
  const packed = isGzip(payload) ? payload : payload.subarray(0, -4);
  const unpacked = await decompress(packed, file);
  return 'bytes' in unpacked && unpacked.bytes !== packed ? unpacked.bytes : undefined;
}

function payloadOf(image: Uint8Array): Uint8Array | undefined {
  const end = header.payloadLength + 4;
  if (image.length < end) return undefined;
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  if (Buffer.from(image.subarray(header.magic, header.magic + 4)).toString('latin1') !== 'HdrS') return undefined;
  if (view.getUint16(header.version, true) < versionWithPayload) return undefined;
  // 0 sectors means 4, for images of old.
  const sectors = image[header.setupSectors] || 4;
  const start = (sectors + 1) * sectorSize + view.getUint32(header.payloadOffset, true);
  const length = view.getUint32(header.payloadLength, true);
  return length > 4 && start + length <= image.length ? image.subarray(start, start + length) : undefined;
}
