/** Codes: a chief complaint becomes a syndrome by a named dictionary; what is denied is not there, what is not known is unknown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeComplaint, complaintDictionary } from '../../server/intake/codes.ts'

test('IN-22 every term of the dictionary is found alone, and its negation is not', () => {
  for (const [term, , syndrome] of complaintDictionary.terms) {
    const found = codeComplaint(`患者 ${term} 半小时`)
    assert.equal(found.syndrome, syndrome, term)
    assert.equal(found.dictionary, complaintDictionary.version)
    if (complaintDictionary.affirmed.includes(term)) continue
    const denied = /[a-z]/.test(term) ? `denies ${term}` : `否认${term}`
    assert.equal(codeComplaint(denied).syndrome, 'unknown', denied)
  }
})

test('IN-23 complaints as people say them', () => {
  for (const [text, syndrome] of [
    ['老人发烧咳嗽两天', 'respiratory'],
    ['不发烧，拉肚子', 'diarrhoeal'],
    ['没有发热，没有咳嗽', 'unknown'],
    ['无胸痛；突然晕倒昏迷', 'neurological'],
    ['没有呼吸了', 'cardiac'],
    ['没有呼吸困难', 'unknown'],
    ['孩子没有心跳', 'cardiac'],
    ['车祸，腿在出血', 'trauma'],
    ['煤气中毒', 'poisoning'],
    ['EMS: CARDIAC EMERGENCY', 'cardiac'],
    ['no fever but cough', 'respiratory'],
    ['', 'unknown'],
    ['只想问个地址', 'unknown'],
    ['发热。没有腹泻', 'respiratory'],
  ] as const)
    assert.equal(codeComplaint(text).syndrome, syndrome, text)
})
