/**
 * Robots: how a page is told to a group robot of WeCom, DingTalk or Feishu, beside the pager, which sends it. Off unless the
 * operator names the form of the webhook. Pure. Promises: level, place and link in the robot's own shape and nothing else; a
 * robot that answers 200 with a fault code has not taken it. None of them gives a receipt: the ladder goes on until a person
 * answers at a screen.
 * @source 企业微信群机器人、钉钉自定义机器人、飞书自定义机器人: messages of type text
 */

/** The shape a webhook wants: `page` is the house's own JSON. */
export const webhookForms = ['page', 'wecom', 'dingtalk', 'feishu'] as const
export type WebhookForm = (typeof webhookForms)[number]

/** Writes a page for a robot; for `page` the whole of it as JSON. */
export function writeForRobot(form: WebhookForm, page: { text: string; link: string }): string {
  const content = `${page.text} ${page.link}`
  switch (form) {
    case 'page':
      return JSON.stringify(page)
    case 'feishu':
      return JSON.stringify({ msg_type: 'text', content: { text: content } })
    default:
      return JSON.stringify({ msgtype: 'text', text: { content } })
  }
}

/** True when what was answered with status 200 says that the robot took it: its fault code is there and is 0. */
export function isTakenByRobot(form: WebhookForm, answer: string): boolean {
  if (form === 'page') return true
  try {
    const said = JSON.parse(answer) as Record<string, unknown>
    return (form === 'feishu' ? (said.code ?? said.StatusCode) : said.errcode) === 0
  } catch {
    return false
  }
}
