/**
 * Refusals: the one table of everything the house may say no to, with a stable code, a Chinese and an English text and the
 * HTTP status. A refusal is a value (Reject), the input's fault; faults of the world and our bugs are thrown elsewhere.
 * Codes are never renamed or reused; texts may be improved. `{name}` in a text is filled from the reject's params.
 */
type Text = { http: number; zh: string; en: string }

const table = {
  // the door: shape
  JSON_MALFORMED: { http: 400, zh: '请求不是合法的 JSON', en: 'The request is not valid JSON' },
  BODY_TOO_LARGE: { http: 413, zh: '请求超过 {max} 字节上限', en: 'The request is larger than {max} bytes' },
  BATCH_TOO_LARGE: { http: 413, zh: '一次最多 {max} 条', en: 'At most {max} entries in one request' },
  BATCH_EMPTY: { http: 400, zh: '没有任何条目', en: 'The request holds no entry' },
  DEPTH_EXCEEDED: { http: 400, zh: '嵌套超过 {max} 层', en: 'Nested deeper than {max} levels' },
  TEXT_INVALID: {
    http: 400,
    zh: '字段 {path} 含有 NUL 或残缺的 Unicode 字符',
    en: 'Field {path} holds NUL or a lone surrogate',
  },
  NUMBER_INVALID: { http: 400, zh: '字段 {path} 不是有限数值', en: 'Field {path} is not a finite number' },
  SHAPE_INVALID: { http: 400, zh: '字段 {path} 不符合要求:{why}', en: 'Field {path} is not as required: {why}' },
  KIND_UNKNOWN: { http: 400, zh: '未知的条目类型 {kind}', en: 'Unknown kind of entry {kind}' },
  KEY_MISSING: { http: 400, zh: '需要 epoch 与 seq,或 uuid', en: 'Either epoch and seq, or a uuid is needed' },
  MEDIA_UNSUPPORTED: { http: 415, zh: '只接受 application/json', en: 'Only application/json is accepted' },
  ROUTE_UNKNOWN: { http: 404, zh: '没有这个地址', en: 'No such address' },
  // the door: meaning
  TIME_IN_FUTURE: {
    http: 422,
    zh: '时间晚于城市时钟 {aheadS} 秒',
    en: 'The time is {aheadS} s ahead of the city clock',
  },
  DAY_INVALID: { http: 422, zh: '日期 {day} 不存在', en: 'There is no day {day}' },
  LOCATION_OUT_OF_RANGE: { http: 422, zh: '经度或纬度超出范围', en: 'Longitude or latitude is out of range' },
  LOCATION_SWAPPED: { http: 422, zh: '经度与纬度疑似颠倒', en: 'Longitude and latitude seem to be swapped' },
  UNIT_UNKNOWN: { http: 422, zh: '车组 {unitId} 未登记', en: 'Unit {unitId} is not registered' },
  PLACE_UNKNOWN: { http: 422, zh: '机构或站点 {placeId} 未登记', en: 'Place {placeId} is not registered' },
  REGION_UNKNOWN: { http: 422, zh: '区划 {regionCode} 未发布', en: 'Region {regionCode} is not published' },
  REGION_FOREIGN: {
    http: 403,
    zh: '区划 {regionCode} 不在授权范围内',
    en: 'Region {regionCode} is outside the authorised scope',
  },
  RULE_INVALID: { http: 422, zh: '规则 {ruleId} 不成立:{why}', en: 'Rule {ruleId} does not hold: {why}' },
  CALENDAR_INVALID: {
    http: 422,
    zh: '日历时段 {fromDay} 至 {untilDay} 不成立:须先后有序且不超过 {max} 天',
    en: 'Calendar span {fromDay} to {untilDay} does not hold: it must run forward and be at most {max} days',
  },
  RULES_STALE: {
    http: 409,
    zh: '规则已是第 {version} 版,请在其上重新修改',
    en: 'The rules in force are version {version}; make the change on top of them',
  },
  RULE_FOREIGN: {
    http: 403,
    zh: '规则 {ruleId} 不是统计规则,由系统管理员发布',
    en: 'Rule {ruleId} is not a statistical rule; an administrator publishes it',
  },
  HISTORY_FULL: {
    http: 422,
    zh: '历年同期数据已达 {max} 组上限',
    en: 'Histories are full: at most {max} of disease and region',
  },
  // identity
  SIGN_IN_REQUIRED: { http: 401, zh: '请先登录', en: 'Sign in first' },
  SIGN_IN_FAILED: { http: 401, zh: '账号或口令不正确', en: 'Account or password is not correct' },
  ACCOUNT_LOCKED: {
    http: 423,
    zh: '连续失败,账号暂时锁定,请于 {minutes} 分钟后再试',
    en: 'Locked after failures; try again in {minutes} min',
  },
  PASSWORD_WEAK: { http: 422, zh: '口令太弱:{why}', en: 'The password is too weak: {why}' },
  PASSWORD_EXPIRED: { http: 403, zh: '首次登录必须修改口令', en: 'The password must be changed first' },
  TOKEN_INVALID: { http: 401, zh: '设备令牌无效或已吊销', en: 'The device token is invalid or revoked' },
  KIND_FORBIDDEN: { http: 403, zh: '当前身份不可提交 {kind}', en: 'This identity may not say {kind}' },
  ROLE_FORBIDDEN: { http: 403, zh: '当前角色无此权限', en: 'This role may not do that' },
  DEVICE_NOT_UNIT: {
    http: 403,
    zh: '设备不可代替车组 {unitId} 上报',
    en: 'This device may not speak for unit {unitId}',
  },
  SOURCE_FOREIGN: { http: 403, zh: '不可使用他人的来源标识 {source}', en: 'Source {source} belongs to someone else' },
  ORIGIN_FORBIDDEN: { http: 403, zh: '请求来源不被允许', en: 'The origin of the request is not allowed' },
  ACCOUNT_UNKNOWN: { http: 404, zh: '没有这个账号', en: 'No such account' },
  ACCOUNT_EXISTS: { http: 409, zh: '账号已存在', en: 'The account exists already' },
  RECORD_UNKNOWN: { http: 404, zh: '没有这条记录', en: 'No such record' },
  RECORD_FORGOTTEN: {
    http: 410,
    zh: '该记录的个人信息已被删除',
    en: 'The personal data of this record have been erased',
  },
  TOO_MANY_REQUESTS: {
    http: 429,
    zh: '请求过于频繁,请 {retryAfterS} 秒后再试',
    en: 'Too many requests; try again in {retryAfterS} s',
  },
  // the writer
  SEQ_REUSED: { http: 409, zh: '同一序号此前已用于不同内容', en: 'This key was used before with other content' },
  LANE_FULL: {
    http: 429,
    zh: '接收队列已满,请 {retryAfterS} 秒后重发',
    en: 'The queue is full; send again in {retryAfterS} s',
  },
  COMMAND_EXPIRED: { http: 409, zh: '操作已过期,未执行', en: 'The command expired and was not carried out' },
  DATABASE_AWAY: {
    http: 503,
    zh: '数据库暂不可用,未能确认保存',
    en: 'The database is away; it is not confirmed that this was saved',
  },
  STOPPING: { http: 503, zh: '系统正在停机,请稍后重发', en: 'The system is stopping; send again shortly' },
  QUARANTINED: {
    http: 500,
    zh: '该条目无法处理,已隔离,管理员已收到通知',
    en: 'The entry could not be processed and was set aside; administrators were told',
  },
  INTERNAL: { http: 500, zh: '内部错误,编号 {incident}', en: 'Internal error, number {incident}' },
  // the world
  VERSION_STALE: {
    http: 409,
    zh: '{what} 已被他人更改,请核对后重试',
    en: '{what} was changed by someone else; check and try again',
  },
  UNIT_TAKEN: {
    http: 409,
    zh: '车组 {unitId} 已由 {by} 派往 {incidentId}',
    en: 'Unit {unitId} was already sent to {incidentId} by {by}',
  },
  UNIT_UNAVAILABLE: { http: 409, zh: '车组 {unitId} 当前不可用', en: 'Unit {unitId} is not available' },
  UNIT_NOT_ASSIGNED: { http: 409, zh: '车组 {unitId} 没有这项任务', en: 'Unit {unitId} does not have this task' },
  INCIDENT_UNKNOWN: { http: 404, zh: '没有事件 {incidentId}', en: 'No incident {incidentId}' },
  INCIDENT_EXISTS: { http: 409, zh: '事件 {incidentId} 已存在', en: 'Incident {incidentId} exists already' },
  INCIDENT_CLOSED: { http: 409, zh: '事件 {incidentId} 已关闭', en: 'Incident {incidentId} is closed' },
  INCIDENT_BUSY: {
    http: 409,
    zh: '事件 {incidentId} 仍有车组执行任务',
    en: 'Incident {incidentId} still has units on task',
  },
  CALL_UNKNOWN: { http: 404, zh: '没有来电 {callId}', en: 'No call {callId}' },
  CALL_EXISTS: { http: 409, zh: '来电 {callId} 已登记', en: 'Call {callId} is recorded already' },
  CALL_TAKEN: { http: 409, zh: '来电 {callId} 已由 {by} 接听', en: 'Call {callId} was already answered by {by}' },
  CALL_GONE: { http: 409, zh: '来电 {callId} 已挂断,请回拨', en: 'Call {callId} hung up: ring back' },
  CALL_SETTLED: {
    http: 409,
    zh: '来电 {callId} 已并入事件 {incidentId}',
    en: 'Call {callId} already belongs to incident {incidentId}',
  },
  CALL_NUMBER_UNKNOWN: {
    http: 409,
    zh: '来电 {callId} 没有主叫号码,无法标记',
    en: 'Call {callId} has no number that could be marked',
  },
  CALLBACK_NONE: { http: 409, zh: '来电 {callId} 没有待办的回拨', en: 'Call {callId} has no callback to do' },
  LINK_UNKNOWN: { http: 404, zh: '没有联动移交 {linkId}', en: 'No linked transfer {linkId}' },
  LINK_EXISTS: { http: 409, zh: '联动移交 {linkId} 已登记', en: 'Linked transfer {linkId} is recorded already' },
  INCIDENT_FULL: {
    http: 409,
    zh: '事件 {incidentId} 的来电已达上限 {max}',
    en: 'Incident {incidentId} holds its most calls, {max}',
  },
  PUBLIC_CALLS_OFF: { http: 404, zh: '网络呼救未开通,请拨打 120', en: 'Calls by internet are not open here: dial 120' },
  PUBLIC_CALLS_FULL: {
    http: 503,
    zh: '网络呼救已满,请立即拨打 120',
    en: 'Too many calls by internet: dial 120 now',
  },
  CODE_WRONG: { http: 422, zh: '验证码不正确或已过期', en: 'The code is wrong or has expired' },
  ALERT_UNKNOWN: { http: 404, zh: '没有预警 {alertId}', en: 'No alert {alertId}' },
  ALERT_TRANSITION: {
    http: 409,
    zh: '预警当前为“{state}”,不能{action}',
    en: 'The alert is {state}; it cannot be {action}',
  },
  STATUS_ORDER: { http: 409, zh: '状态不能从 {from} 变为 {to}', en: 'The status cannot go from {from} to {to}' },
  CARD_EXISTS: { http: 409, zh: '报告卡 {cardId} 已存在', en: 'Report card {cardId} exists already' },
  LINE_AWAY: {
    http: 503,
    zh: '主线暂时没有应答，未确认；请稍后用同一编号重发',
    en: 'The line has not answered yet, nothing is confirmed; send again by the same key',
  },
  EPOCHS_TOO_MANY: {
    http: 429,
    zh: '来源 {source} 一小时内开启的新批次过多，请检查该设备',
    en: 'Source {source} began too many new epochs within an hour; check the device',
  },
  CARD_UNKNOWN: { http: 404, zh: '没有报告卡 {cardId}', en: 'No report card {cardId}' },
  CARD_TRANSITION: {
    http: 409,
    zh: '报告卡 {cardId} 当前为“{state}”,不能{action}',
    en: 'Report card {cardId} is {state}; it cannot be {action}',
  },
  DRAFT_UNKNOWN: { http: 404, zh: '没有报告卡草稿 {cardId}', en: 'No draft of report card {cardId}' },
  DISEASE_UNKNOWN: {
    http: 422,
    zh: '病种编码 {diseaseId} 不在病种表内,或不以个案卡报告',
    en: 'Disease {diseaseId} is not in the code tree, or is not reported by a card',
  },
  CARD_ICD10: {
    http: 422,
    zh: 'ICD-10 编码 {icd10} 属于“{found}”,与所报病种不符',
    en: 'ICD-10 code {icd10} belongs to {foundEn}, not to the disease of the card',
  },
  CARD_DATES: {
    http: 422,
    zh: '日期先后不符:{earlier}不得晚于{later}',
    en: 'Dates out of order: {earlierEn} may not lie after {laterEn}',
  },
  CARD_CLASS: {
    http: 422,
    zh: '病种“{disease}”不报告病原携带者',
    en: 'Carriers of {diseaseEn} are not reported',
  },
  CARD_AGE: {
    http: 422,
    zh: '年龄段 {ageBand} 与{what}不符',
    en: 'Age band {ageBand} does not go with {whatEn}',
  },
  SECOND_PERSON_NEEDED: {
    http: 409,
    zh: '法定预警须由两人关闭:先提请关闭,再由他人复核',
    en: 'A statutory alert takes two people to close: propose the closure, another person confirms it',
  },
  SECOND_PERSON_SAME: {
    http: 409,
    zh: '复核人不得与提请人({by})为同一账号',
    en: 'The second person must not be the one who proposed it ({by})',
  },
  ALERT_UNSHELVABLE: {
    http: 409,
    zh: '“处置”级预警不得搁置',
    en: 'An alert of the most urgent level cannot be shelved',
  },
  SHELF_INVALID: {
    http: 422,
    zh: '搁置截止时间须晚于现在、不晚于 {hours} 小时;法定预警不得越过核实时限',
    en: 'The shelf must end after now and within {hours} h, and for a statutory alert before its verification is due',
  },
  ALERT_SUPERSEDED: {
    http: 409,
    zh: '同一地区同类预警 {alertId} 已在处理中,不能重开',
    en: 'Alert {alertId} of the same place and kind is open already; this one cannot be reopened',
  },
  ALERT_IN_EVENT: {
    http: 409,
    zh: '预警已并入突发公共卫生事件 {eventId}',
    en: 'The alert belongs to public-health event {eventId} already',
  },
  EVENT_UNKNOWN: { http: 404, zh: '没有突发公共卫生事件 {eventId}', en: 'No public-health event {eventId}' },
  EVENT_EXISTS: {
    http: 409,
    zh: '突发公共卫生事件 {eventId} 已存在',
    en: 'Public-health event {eventId} exists already',
  },
  EVENT_CLOSED: { http: 409, zh: '突发公共卫生事件 {eventId} 已结案', en: 'Public-health event {eventId} is closed' },
  EVENT_UNREPORTED: {
    http: 409,
    zh: '突发公共卫生事件 {eventId} 尚未初次报告,不能结案',
    en: 'Public-health event {eventId} has not had its initial report; it cannot be closed',
  },
  PAGE_UNKNOWN: { http: 404, zh: '没有通知 {pageId}', en: 'No page {pageId}' },
  // question packs
  PACK_INVALID: { http: 422, zh: '问卷 {packId} 不成立:{whyZh}', en: 'Pack {packId} does not hold: {whyEn}' },
  PACK_UNKNOWN: { http: 404, zh: '没有问卷 {packId}', en: 'No question pack {packId}' },
  PACKS_FULL: { http: 409, zh: '最多 {max} 份问卷', en: 'At most {max} question packs' },
  PACK_UNAPPROVED: {
    http: 409,
    zh: '问卷 {packId} 未经医学审核,仅限演示或演练使用',
    en: 'Pack {packId} has no medical approval; it runs in a demo or a drill alone',
  },
  LEVEL_REASON_NEEDED: {
    http: 422,
    zh: '低于问卷建议的 {level} 级,须写明理由',
    en: 'Less urgent than level {level} that the answers propose: a reason is needed',
  },
  // addresses
  GAZETTEER_INVALID: {
    http: 422,
    zh: '地名库第 {line} 行不正确:{why}',
    en: 'Line {line} of the gazetteer is not correct: {why}',
  },
  ADDRESSES_AWAY: {
    http: 503,
    zh: '地址检索暂不可用,请直接在地图上定位',
    en: 'The address search does not answer; place it on the map',
  },
  // the world: tasks, centres, cover, hospitals
  NEXT_TAKEN: {
    http: 409,
    zh: '车组 {unitId} 的下一任务已由 {by} 预派给 {incidentId}',
    en: 'The next task of unit {unitId} was already given to {incidentId} by {by}',
  },
  NEXT_ACKNOWLEDGED: {
    http: 409,
    zh: '车组 {unitId} 已确认下一任务，不能撤回',
    en: 'Unit {unitId} has confirmed its next task; it cannot be withdrawn',
  },
  UNIT_BEYOND_DIVERSION: {
    http: 409,
    zh: '车组 {unitId} 已到现场或已载人，不能改派',
    en: 'Unit {unitId} has reached its scene or carries a patient; it cannot be diverted',
  },
  STAMP_IN_FUTURE: { http: 422, zh: '补正的时刻晚于现在', en: 'The edited time lies in the future' },
  INCIDENT_SAME: { http: 422, zh: '两个事件是同一个', en: 'Both incidents are the same one' },
  INCIDENT_OPEN: { http: 409, zh: '事件 {incidentId} 仍在进行，不必重启', en: 'Incident {incidentId} is still open' },
  INCIDENT_FOREIGN: {
    http: 403,
    zh: '事件 {incidentId} 由 {owner} 负责，本席只能查看和备注',
    en: 'Incident {incidentId} belongs to {owner}; this seat may look and note',
  },
  TRANSFER_PENDING: {
    http: 409,
    zh: '事件 {incidentId} 正在移交 {toCode}，等待答复',
    en: 'Incident {incidentId} is being handed to {toCode}; the answer is awaited',
  },
  TRANSFER_UNKNOWN: {
    http: 409,
    zh: '事件 {incidentId} 没有待答复的移交',
    en: 'Incident {incidentId} awaits no transfer',
  },
  TRANSFER_SAME: { http: 422, zh: '{toCode} 已经负责这个事件', en: '{toCode} already answers for this incident' },
  TRANSFER_OWN: {
    http: 403,
    zh: '本中心发出的移交由 {toCode} 答复，本席可撤回',
    en: '{toCode} answers what this centre offered; this seat may take it back',
  },
  AID_UNKNOWN: { http: 409, zh: '没有向 {ofCode} 请求增援', en: 'No aid was asked of {ofCode}' },
  BASE_NOT_ALLOWED: { http: 409, zh: '车组 {unitId} 不可驻 {placeId}', en: 'Unit {unitId} may not stand at {placeId}' },
  MOVES_EXHAUSTED: {
    http: 409,
    zh: '车组 {unitId} 本班调防已达 {max} 次',
    en: 'Unit {unitId} has been moved {max} times this shift',
  },
  DISTRESS_UNKNOWN: { http: 409, zh: '车组 {unitId} 没有求助', en: 'Unit {unitId} is not in distress' },
  SHIFT_INVALID: {
    http: 422,
    zh: '班次或休息的起止时间不成立',
    en: 'The times of the shift or of a break do not hold',
  },
  DIVERSION_INVALID: {
    http: 422,
    zh: '分流须在 2 小时内到期',
    en: 'A diversion must end within two hours',
  },
  NOTICE_UNKNOWN: { http: 409, zh: '没有发给 {placeId} 的通知', en: 'No notice was sent to {placeId}' },
  NOT_A_HOSPITAL: { http: 422, zh: '{placeId} 不是医院', en: '{placeId} is not a hospital' },
  // dry run of rules
  DRY_RUN_PERIOD: {
    http: 422,
    zh: '试运行时段须先后有序、不晚于昨日且不超过 {max} 天',
    en: 'The period of a dry run must run forward, end before today and be at most {max} days',
  },
  DRY_RUN_TOO_LARGE: {
    http: 422,
    zh: '时段内条目超过 {max} 条,请缩短时段',
    en: 'The period holds more than {max} entries; choose a shorter one',
  },
  DRY_RUN_TOO_SLOW: {
    http: 422,
    zh: '试运行超过 {maxS} 秒,已停止,请缩短时段',
    en: 'The dry run took longer than {maxS} s and was stopped; choose a shorter period',
  },
  DRY_RUN_BUSY: {
    http: 429,
    zh: '另一试运行正在进行,请 {retryAfterS} 秒后再试',
    en: 'Another dry run is under way; try again in {retryAfterS} s',
  },
  // the world: shifts, paper, quality control
  HANDOVER_EXISTS: { http: 409, zh: '交班单 {handoverId} 已存在', en: 'Hand-over {handoverId} exists already' },
  HANDOVER_UNKNOWN: { http: 404, zh: '没有交班单 {handoverId}', en: 'No hand-over {handoverId}' },
  HANDOVER_OPEN: { http: 409, zh: '{by} 已发起交班，尚未完成', en: '{by} has offered a hand-over that is still open' },
  HANDOVER_ENDED: { http: 409, zh: '该交班单已由 {by} 处理', en: 'This hand-over was already ended by {by}' },
  HANDOVER_SELF: {
    http: 409,
    zh: '交班人不能自己接班，须由另一账号签字',
    en: 'Another account must take over and sign',
  },
  SIGNATURE_MISSING: { http: 403, zh: '须由本人账号签字', en: 'A person must sign with an account' },
  HANDOVER_OLD: {
    http: 409,
    zh: '交班单已超过 {minutes} 分钟，请重新生成',
    en: 'The sheet is older than {minutes} min; make a new one',
  },
  SLIP_RANGE_EXISTS: { http: 409, zh: '号段 {rangeId} 已存在', en: 'Range {rangeId} exists already' },
  SLIP_NOT_ISSUED: { http: 422, zh: '本辖区没有发出纸单 {slip}', en: 'Slip {slip} was never issued in this region' },
  SLIP_TAKEN: {
    http: 409,
    zh: '纸单 {slip} 已由 {by} 录为事件 {incidentId}',
    en: 'Slip {slip} was already entered by {by} as incident {incidentId}',
  },
  SHEET_STALE: { http: 409, zh: '评分表版本须大于 {version}', en: 'The sheet needs a version above {version}' },
  SHEET_INVALID: { http: 422, zh: '评分表有重复项目', en: 'The sheet names an item twice' },
  SCORES_INVALID: {
    http: 422,
    zh: '评分与评分表第 {version} 版不符：须逐项给分且不超过满分',
    en: 'The scores do not fit sheet {version}: every item once, none above its points',
  },
  REVIEW_EXISTS: { http: 409, zh: '质控记录 {reviewId} 已存在', en: 'Review {reviewId} exists already' },
  REVIEW_UNKNOWN: { http: 404, zh: '没有质控记录 {reviewId}', en: 'No review {reviewId}' },
  REVIEW_STATE: { http: 409, zh: '质控记录当前为“{state}”，不能这样处理', en: 'The review is {state}' },
  REVIEW_SELF: { http: 409, zh: '不能评定或裁定自己经手的记录', en: 'Nobody judges or decides about their own work' },
  REVIEW_FOREIGN: { http: 403, zh: '只有 {subject} 本人可以申诉', en: 'Only {subject} may appeal' },
  APPEAL_LATE: { http: 409, zh: '评分已超过 {days} 天，不能申诉', en: 'More than {days} days have passed' },
  // reading
  QUERY_INVALID: { http: 400, zh: '查询参数 {path} 不正确', en: 'Query parameter {path} is not correct' },
  REPLAY_TOO_LONG: { http: 422, zh: '一次回放最长 {hours} 小时', en: 'A replay spans at most {hours} hours' },
  REPORT_TOO_LONG: { http: 422, zh: '一份报表最长 {max} 天', en: 'A report spans at most {max} days' },
  REPORT_TOO_LARGE: {
    http: 422,
    zh: '一份报表最多 {max} 条记录，请缩短时段或缩小区域',
    en: 'A report holds at most {max} records; shorten the period or narrow the region',
  },
} as const satisfies Record<string, Text>

export type RefusalCode = keyof typeof table
export const refusals: Readonly<Record<RefusalCode, Text>> = table

/** A refusal: the input's fault, told to its sender and to nobody else. `params` fill the texts. */
export type Reject = { code: RefusalCode; params?: Readonly<Record<string, string | number>> }

/** Builds a reject value. */
export function reject(code: RefusalCode, params?: Readonly<Record<string, string | number>>): Reject {
  return params ? { code, params } : { code }
}

/** A refusal in words: what a sender receives. */
export type RefusalText = {
  code: RefusalCode
  zh: string
  en: string
  http: number
  params?: Readonly<Record<string, string | number>>
}

/** Writes a reject out in both languages; a missing parameter is shown as an em dash. */
export function describeReject(value: Reject): RefusalText {
  const text = refusals[value.code]
  const fill = (template: string) =>
    template.replace(/\{(\w+)\}/g, (_, name: string) => String(value.params?.[name] ?? '—'))
  return {
    code: value.code,
    zh: fill(text.zh),
    en: fill(text.en),
    http: text.http,
    ...(value.params ? { params: value.params } : {}),
  }
}

/** As much of an HTTP reply as a refusal needs. */
type Reply<Self> = {
  code(status: number): Self
  header(name: string, value: string): Self
  type(value: string): Self
  serializer(write: (payload: unknown) => string): Self
  send(payload: unknown): Self
}

/** Answers a whole request with a refusal: its status, stable code, both texts, and Retry-After where waiting helps. */
export function sendReject<Self extends Reply<Self>>(reply: Self, refused: Reject): Self {
  const { http, ...text } = describeReject(refused)
  const retryAfterS = refused.params?.retryAfterS ?? (http === 429 || http === 503 ? 1 : undefined)
  if (retryAfterS !== undefined) reply.header('retry-after', String(retryAfterS))
  return reply.code(http).type('application/json; charset=utf-8').serializer(JSON.stringify).send(text)
}
