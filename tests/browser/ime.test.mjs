// Japanese through an input method, with the events that Chromium makes of one: what is being
// composed is not yet text, its keys belong to the method, and what is saved is what was composed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withBrowser } from './browser.mjs';
import { atDesk, beginPage } from './desk.mjs';
import {
  blocks,
  body,
  editorIsReady,
  insertTable,
  isSaved,
  paragraph,
  save,
  savedDocument,
  tool,
} from './editor.mjs';

withBrowser();

const CONTROL = 2;
/** The key code that browsers give to keys an input method has taken. */
const TAKEN = 229;

/** An input method at the keyboard of a page. */
class Method {
  static async of(page, context) {
    const method = new Method();
    method.page = page;
    method.devtools = await context.newCDPSession(page);
    return method;
  }

  async key(key, code, number, modifiers = 0) {
    const event = { key, code, modifiers, windowsVirtualKeyCode: number };
    await this.devtools.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...event });
    await this.devtools.send('Input.dispatchKeyEvent', { type: 'keyUp', ...event });
  }

  /** Shows each of `stages` in turn, underlined, as typing and converting does. */
  async compose(...stages) {
    for (const text of stages) {
      await this.key('Process', 'KeyN', TAKEN);
      const end = text.length;
      await this.devtools.send('Input.imeSetComposition', {
        text,
        selectionStart: end,
        selectionEnd: end,
      });
    }
  }

  /** Takes what is composed as text. */
  commit(text) {
    return this.devtools.send('Input.insertText', { text });
  }

  /** Takes it with Enter; the method keeps that key for itself. */
  async commitWithEnter(text) {
    await this.key('Enter', 'Enter', TAKEN);
    await this.commit(text);
  }

  /** Leaves the composition, and what was composed is gone. */
  cancel() {
    return this.devtools.send('Input.imeSetComposition', {
      text: '',
      selectionStart: 0,
      selectionEnd: 0,
    });
  }

  /** Whether the browser and the editor both know that something is being composed. */
  composing() {
    return this.page.evaluate(() => window.yaguraEditor.view.composing);
  }
}

/** A story with a new page, the cursor in its empty text, and an input method. */
const writer = (name, act) =>
  test(name, () =>
    atDesk(async (page, context) => {
      await beginPage(page, { title: 'かな漢字変換' });
      await editorIsReady(page);
      await body(page).click();
      await act(page, await Method.of(page, context));
    }),
  );

const NIHON = ['に', 'にほ', 'にほん', '日本'];

writer('what was composed and taken is what is saved', async (page, method) => {
  await method.compose(...NIHON);
  assert.equal(await method.composing(), true, 'this is no real composition');
  assert.equal(await body(page).innerText(), '日本');
  await method.commit('日本');
  assert.equal(await method.composing(), false);
  await method.compose('の', 'のま', 'のまち', 'の街');
  await method.commit('の街');
  await save(page);
  assert.deepEqual((await savedDocument(page)).content, [paragraph('日本の街')]);
});

writer('Enter that takes a composition does not split the paragraph', async (page, method) => {
  await method.compose(...NIHON);
  await method.commitWithEnter('日本');
  assert.deepEqual(await blocks(page), ['日本']);
  // A browser on macOS tells of the key by its own number while the composition goes on.
  await method.compose('まち', '街');
  await method.key('Enter', 'Enter', 13);
  await method.commit('街');
  assert.deepEqual(await blocks(page), ['日本街']);
  // The next Enter is the writer's.
  await page.keyboard.press('Enter');
  await method.compose('みち', '道');
  await method.commitWithEnter('道');
  await save(page);
  const { content } = await savedDocument(page);
  assert.deepEqual(content, [paragraph('日本街'), paragraph('道')]);
});

writer('Ctrl+S saves nothing that is still being composed', async (page, method) => {
  const sent = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/draft')) {
      sent.push(JSON.parse(request.postData()).draft.document.content);
    }
  });
  await method.compose('に', 'にほん');
  await method.key('s', 'KeyS', 83, CONTROL);
  assert.equal(await method.composing(), true, 'the key ended the composition');
  await method.compose('日本');
  await method.commitWithEnter('日本');
  await page.keyboard.press('Control+s');
  await isSaved(page);
  // A slow machine may save by itself in between; what matters is what.
  assert.ok(sent.length > 0);
  for (const content of sent) {
    assert.deepEqual(content, [paragraph('日本')]);
  }
});

writer('a composition in the middle of a text, and one that is left', async (page, method) => {
  await page.keyboard.type('東へ行く');
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowRight');
  await method.compose('きょう', '京');
  await method.commit('京');
  await method.compose('x', 'xっ');
  await method.cancel();
  await save(page);
  assert.deepEqual((await savedDocument(page)).content, [paragraph('東京へ行く')]);
});

writer('a composition that replaces what is selected', async (page, method) => {
  await page.keyboard.type('古い言葉');
  await body(page).press('ControlOrMeta+a');
  await method.compose('あたらしい', '新しい');
  await method.commitWithEnter('新しい');
  await save(page);
  assert.deepEqual((await savedDocument(page)).content, [paragraph('新しい')]);
});

writer('bold text can be composed', async (page, method) => {
  await page.keyboard.type('これは');
  await tool(page, '太字').click();
  await method.compose('じゅうよう', '重要');
  await method.commitWithEnter('重要');
  await save(page);
  assert.deepEqual((await savedDocument(page)).content, [
    {
      type: 'paragraph',
      content: [
        { type: 'text', text: 'これは' },
        { type: 'text', text: '重要', marks: [{ type: 'strong' }] },
      ],
    },
  ]);
});

writer('a heading and a list can be composed', async (page, method) => {
  await tool(page, '見出し2').click();
  await method.compose('もちもの', '持ち物');
  await method.commitWithEnter('持ち物');
  await page.keyboard.press('Enter');
  await tool(page, '箇条書き').click();
  for (const [kana, words] of [['いんかん', '印鑑'], ['しゃしん', '写真']]) {
    await method.compose(kana, words);
    await method.commitWithEnter(words);
    if (words === '印鑑') {
      await page.keyboard.press('Enter');
    }
  }
  await save(page);
  const item = (words) => ({ type: 'list_item', content: [paragraph(words)] });
  assert.deepEqual((await savedDocument(page)).content, [
    { type: 'heading', attrs: { level: 2 }, content: [{ type: 'text', text: '持ち物' }] },
    { type: 'bullet_list', content: [item('印鑑'), item('写真')] },
  ]);
});

writer('a cell can be composed, and Tab stays in it until the words are taken', async (page, method) => {
  await insertTable(page, { caption: '表', rows: 1, columns: 2 });
  await body(page).locator('th').first().click();
  await method.compose('しゅるい', '種類');
  await method.key('Tab', 'Tab', TAKEN);
  await method.commitWithEnter('種類');
  await page.keyboard.press('Tab');
  await method.compose('きんがく', '金額');
  await method.commitWithEnter('金額');
  await save(page);
  const [table] = (await savedDocument(page)).content.filter(({ type }) => type === 'table');
  const cell = (words) => ({ type: 'table_header', content: [paragraph(words)] });
  assert.deepEqual(table.content[0].content, [cell('種類'), cell('金額')]);
});

writer('the title can be composed, and Enter in it sends nothing', async (page, method) => {
  await page.locator('#title').fill('');
  await page.locator('#title').focus();
  await method.compose(...NIHON);
  await method.commitWithEnter('日本');
  await method.compose('いち', '一');
  await method.key('s', 'KeyS', 83, CONTROL);
  assert.equal(await page.locator('#revision').innerText(), '1');
  await method.commitWithEnter('一');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Control+s');
  await isSaved(page);
  assert.equal(await page.locator('#revision').innerText(), '2');
  await page.reload();
  assert.equal(await page.locator('#title').inputValue(), '日本一');
});
