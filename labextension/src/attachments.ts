/** Files that are pasted or dropped into the composer. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IAttachment } from './tokens';

const IMAGES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];
/** Bytes of one file, at most. */
const MOST = 5_000_000;

/** Read a file as an attachment. Throws an Error that says why it cannot go along. */
export async function readAttachment(file: File, trans: TranslationBundle): Promise<IAttachment> {
  if (file.size > MOST) {
    throw new Error(trans.__('%1 is larger than 5 MB.', file.name));
  }
  const data = new Uint8Array(await bytesOf(file));
  const name = file.name || trans.__('pasted');
  if (IMAGES.includes(file.type)) {
    return { type: 'image', name, mime: file.type, data: base64(data) };
  }
  if (data.includes(0)) {
    throw new Error(trans.__('%1 is neither text nor a picture that can be sent.', name));
  }
  return { type: 'text', name, text: new TextDecoder().decode(data) };
}

function bytesOf(file: File): Promise<ArrayBuffer> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as ArrayBuffer);
    reader.onerror = () => reject(reader.error);
    reader.readAsArrayBuffer(file);
  });
}

function base64(data: Uint8Array): string {
  let text = '';
  for (let at = 0; at < data.length; at += 0x8000) {
    text += String.fromCharCode(...data.subarray(at, at + 0x8000));
  }
  return btoa(text);
}
