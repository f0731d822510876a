// A picture of what a window shows, for people, when SCREENSHOTS names a folder for it.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

const FOLDER = process.env.SCREENSHOTS;

/** Waits until letters and pictures are there, and takes the picture. */
export async function take(page, name) {
  await page.evaluate(async () => {
    await document.fonts.ready;
    const seen = (img) => img.getBoundingClientRect().top < window.innerHeight;
    await Promise.all([...document.images].filter(seen).map((img) => img.decode()));
  });
  // A machine without Japanese letters would take pictures of empty boxes.
  const letters = await page.evaluate(() => {
    const pen = document.createElement('canvas').getContext('2d');
    const drawn = (letter) => {
      pen.clearRect(0, 0, 300, 150);
      pen.font = '40px sans-serif';
      pen.fillText(letter, 0, 50);
      return pen.canvas.toDataURL();
    };
    return drawn('市') !== drawn('民');
  });
  assert.ok(letters, 'no Japanese font is installed (the package "fonts-noto-cjk" is one)');
  if (FOLDER) {
    await mkdir(FOLDER, { recursive: true });
    await page.screenshot({ path: join(FOLDER, `${name}.png`), animations: 'disabled' });
  }
}
