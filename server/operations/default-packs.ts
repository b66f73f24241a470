/**
 * Default packs: the question packs a city starts with: own texts written for this house from general first-aid knowledge, none of
 * them taken from a licensed protocol. Data, published at the first start. No physician has approved them: until one has, and
 * publishes them under a new version, they run in a demo or a drill alone and say so on the screen.
 */

import { Pack, type PackAdvice, type PackAnswer, type PackQuestion } from '#contract/pack.ts'
import type { Level, Syndrome } from '#contract/scalars.ts'

type Says = Partial<Pick<PackAnswer, 'next' | 'pack' | 'level' | 'advice' | 'wants' | 'complaintCode' | 'syndrome'>>

const say = (adviceId: string, zh: string, en: string, metronomePerMin?: number): PackAdvice => ({
  adviceId,
  text: { zh, en },
  ...(metronomePerMin === undefined ? {} : { metronomePerMin }),
})
const answer = (answerId: string, zh: string, en: string, says: Says = {}): PackAnswer => ({
  answerId,
  text: { zh, en },
  ...says,
})
const ask = (questionId: string, zh: string, en: string, ...answers: PackAnswer[]): PackQuestion => ({
  questionId,
  text: { zh, en },
  answers,
})

/** Advice that stands in most packs. */
const shared = {
  stay: say(
    'stay',
    '救护车正在派往您那里。请守在病人身边，保持电话畅通，有变化马上告诉我。',
    'An ambulance is being sent to you. Stay with the patient, keep this line free, and tell me at once when anything changes.',
  ),
  door: say(
    'door',
    '请打开门、照亮楼道；有人的话派一个人到路口接车，准备好病人常用的药和病历。',
    'Open the door and light the stairs; if you can, send somebody to the road to meet the crew, and put the patient’s medicines and papers ready.',
  ),
  nothing: say('nothing', '不要给病人吃东西、喝水。', 'Give the patient nothing to eat or drink.'),
  side: say(
    'side',
    '把病人翻成侧卧，头稍向后仰，嘴角朝下，盯住胸口：一旦呼吸停止或只是偶尔抽气，马上告诉我。',
    'Roll the patient onto the side, head tilted back a little, mouth pointing down. Watch the chest: if breathing stops or is only a gasp now and then, tell me at once.',
  ),
  sit: say(
    'sit',
    '让病人坐起来，身体前倾，松开衣领和腰带，打开窗户。',
    'Let the patient sit up and lean forward; loosen collar and belt, open a window.',
  ),
} as const

/** Two questions that open most packs: who does not answer and does not breathe goes to the pack for arrest. */
const openWith = (next: string): PackQuestion[] => [
  ask(
    'awake',
    '病人现在清醒吗？叫他、拍他肩膀有没有反应？',
    'Is the patient awake? Does the patient react when you call and tap the shoulder?',
    answer('yes', '清醒，能应答', 'Awake and answering', { next }),
    answer('drowsy', '有反应，但迷糊、叫不太醒', 'Reacts, but drowsy or confused', {
      next,
      level: 2,
      advice: ['side'],
    }),
    answer('no', '没有反应', 'No reaction', { next: 'breathes', level: 1 }),
  ),
  ask(
    'breathes',
    '看他的胸口十秒钟：有规律的呼吸吗？偶尔抽一口气不算。',
    'Watch the chest for ten seconds: is there regular breathing? A gasp now and then does not count.',
    answer('yes', '有规律呼吸', 'Breathes regularly', { level: 1, advice: ['side'], wants: ['als', 'monitor'] }),
    answer('no', '没有，或只是偶尔抽气', 'No, or only gasps', { level: 1, pack: 'arrest' }),
    answer('unsure', '说不清', 'Not sure', { level: 1, pack: 'arrest' }),
  ),
]

type Draft = {
  packId: string
  title: readonly [zh: string, en: string]
  codes: string[]
  syndrome: Syndrome
  terms: string
  level: Level
  baseAdvice: string[]
  wants?: string[]
  questions: PackQuestion[]
  advices: PackAdvice[]
}

/** Writes a draft out as a pack of version 1; the shared advice it names is added. */
function build(draft: Draft): Pack {
  const named = new Set([
    ...draft.baseAdvice,
    ...draft.questions.flatMap(question => question.answers.flatMap(each => each.advice ?? [])),
  ])
  const own = new Set(draft.advices.map(each => each.adviceId))
  const borrowed = Object.values(shared).filter(each => named.has(each.adviceId) && !own.has(each.adviceId))
  return Pack.parse({
    packId: draft.packId,
    version: 1,
    title: { zh: draft.title[0], en: draft.title[1] },
    complaintCodes: draft.codes,
    syndrome: draft.syndrome,
    terms: draft.terms.split(' '),
    baseLevel: draft.level,
    baseAdvice: draft.baseAdvice,
    ...(draft.wants ? { baseWants: draft.wants } : {}),
    start: draft.questions[0]!.questionId,
    questions: draft.questions,
    advices: [...draft.advices, ...borrowed],
    author: 'Vigil',
  })
}

const drafts: Draft[] = [
  {
    packId: 'arrest',
    title: ['心跳呼吸骤停', 'Cardiac arrest'],
    codes: ['arrest'],
    syndrome: 'cardiac',
    terms: '心跳骤停 呼吸骤停 没呼吸 没心跳 猝死 溺水 xtzt hxzt mhx arrest cpr drowning',
    level: 1,
    baseAdvice: ['press', 'door'],
    wants: ['defibrillator', 'als'],
    questions: [
      ask(
        'who',
        '病人是成人、小孩，还是一岁以下的婴儿？',
        'Is the patient an adult, a child, or a baby under one year?',
        answer('adult', '成人（八岁以上）', 'Adult (eight and over)', { next: 'flat', level: 1, advice: ['press'] }),
        answer('child', '一到八岁', 'One to eight years', { next: 'flat', level: 1, advice: ['press-child'] }),
        answer('baby', '一岁以下', 'Under one year', { next: 'flat', level: 1, advice: ['press-baby'] }),
      ),
      ask(
        'flat',
        '病人能不能平躺在硬地面上？',
        'Can the patient lie flat on a hard floor?',
        answer('yes', '已经平躺', 'Lies flat', { next: 'cause' }),
        answer('bed', '在床上或沙发上', 'On a bed or a sofa', { next: 'cause', advice: ['floor'] }),
        answer('stuck', '移不动', 'Cannot be moved', { next: 'cause', advice: ['as-is'] }),
      ),
      ask(
        'cause',
        '是不是溺水、噎住，或触电？',
        'Was it drowning, choking, or electricity?',
        answer('none', '都不是，突然倒下', 'None of these, sudden collapse', { next: 'aed' }),
        answer('water', '溺水', 'Drowning', { next: 'aed', advice: ['breath'] }),
        answer('choke', '噎住', 'Choking', { next: 'aed', advice: ['look-mouth'] }),
        answer('power', '触电', 'Electricity', { next: 'aed', advice: ['power-off'] }),
      ),
      ask(
        'aed',
        '附近有没有自动体外除颤仪（AED）？有没有第二个人？',
        'Is there an AED nearby? Is there a second person?',
        answer('fetch', '有，可以去取', 'Yes, somebody can fetch it', { next: 'going', advice: ['aed'] }),
        answer('here', '已经拿到', 'It is here', { next: 'going', advice: ['aed-on'] }),
        answer('no', '没有', 'No', { next: 'going' }),
      ),
      ask(
        'going',
        '现在在按压吗？病人有没有动、有没有正常呼吸？',
        'Is somebody pressing now? Does the patient move or breathe normally?',
        answer('pressing', '在按压，没有变化', 'Pressing, no change', { level: 1, advice: ['keep'] }),
        answer('back', '开始动了，有正常呼吸', 'Moves and breathes normally', { level: 1, advice: ['side'] }),
        answer('tired', '按不动了', 'Too tired to go on', { level: 1, advice: ['change'] }),
        answer('refuse', '不敢按', 'Does not dare to', { level: 1, advice: ['dare'] }),
      ),
    ],
    advices: [
      say(
        'press',
        '跪在病人胸口旁。一只手掌根放在两乳头连线中点，另一只手叠上去，手臂伸直，用力往下压五到六厘米，跟着节拍一下一下压，每次都让胸口弹回来。别停，我和您一起数。',
        'Kneel beside the chest. Put the heel of one hand in the middle of the chest, the other hand on top, arms straight. Press down hard, five to six centimetres, in time with the beat, and let the chest come up each time. Do not stop; I count with you.',
        110,
      ),
      say(
        'press-child',
        '用一只手的掌根放在胸口正中，压下胸廓厚度的三分之一，大约五厘米，跟着节拍压。压三十下，抬起下巴、捏住鼻子，吹两口气，再接着压。',
        'Put the heel of one hand in the middle of the chest and press down a third of its depth, about five centimetres, in time with the beat. After thirty, lift the chin, pinch the nose, give two breaths, and press again.',
        110,
      ),
      say(
        'press-baby',
        '两根手指放在两乳头连线中点稍下方，压下大约四厘米，跟着节拍压。压三十下，用嘴包住婴儿口鼻，轻吹两口，看到胸口起来就够了，再接着压。',
        'Put two fingers just below the middle of the line between the nipples and press about four centimetres, in time with the beat. After thirty, cover mouth and nose with your mouth, two small puffs until the chest rises, and press again.',
        110,
      ),
      say(
        'floor',
        '把病人拖到地上，仰面躺平，床上按压没有用。',
        'Pull the patient onto the floor, flat on the back; pressing on a bed does not help.',
      ),
      say(
        'as-is',
        '移不动就在原地按，尽量在背后垫一块硬板。',
        'Press where the patient lies; push something hard behind the back if you can.',
      ),
      say(
        'breath',
        '溺水先吹气：抬起下巴，捏住鼻子，吹五口气，再开始按压。',
        'After drowning breathe first: lift the chin, pinch the nose, give five breaths, then press.',
      ),
      say(
        'look-mouth',
        '看一眼嘴里，看得见的东西用手指勾出来，看不见不要掏，马上按压。',
        'Look into the mouth once: hook out what you can see, do not search for what you cannot; press at once.',
      ),
      say(
        'power-off',
        '先断电，确认安全前不要碰病人。',
        'Cut the power first; do not touch the patient until it is safe.',
      ),
      say('aed', '让另一个人去取除颤仪，您继续按，不要停。', 'Send the other person for the AED; you go on pressing.'),
      say(
        'aed-on',
        '打开除颤仪电源，按它的语音把电极片贴在裸露的胸口上；它说离开时谁都别碰病人，电完马上接着按。',
        'Switch the AED on and stick the pads on the bare chest as it tells you. When it says stand clear nobody touches the patient; after the shock press again at once.',
      ),
      say(
        'keep',
        '做得很好，跟着节拍继续，直到医生接手。',
        'You are doing well. Keep to the beat until the crew takes over.',
        110,
      ),
      say(
        'change',
        '和旁边的人轮换，每两分钟换一次，换人时不要停。',
        'Take turns with somebody, every two minutes, without a pause.',
        110,
      ),
      say(
        'dare',
        '按压不会伤害没有心跳的人，不按他没有机会。把手放上去，我数一，您就压下去。',
        'Pressing cannot harm somebody whose heart has stopped; without it there is no chance. Put your hands there; when I say one, press.',
        110,
      ),
    ],
  },
  {
    packId: 'chest-pain',
    title: ['胸痛', 'Chest pain'],
    codes: ['chest-pain', 'palpitation'],
    syndrome: 'cardiac',
    terms: '胸痛 胸闷 心梗 心绞痛 心慌 心悸 xt xm xg xh chest heart',
    level: 2,
    baseAdvice: ['rest', 'stay', 'door'],
    wants: ['monitor', 'defibrillator'],
    questions: [
      ...openWith('kind'),
      ask(
        'kind',
        '是怎样的痛？像压着、紧缩，还是针刺一样？',
        'What is the pain like: pressure or tightness, or like a needle?',
        answer('pressure', '压榨、紧缩、说不出的闷', 'Pressure, tightness, heaviness', { next: 'spread', level: 2 }),
        answer('tear', '撕裂样，痛到背上', 'Tearing, through to the back', { next: 'sweat', level: 1, wants: ['als'] }),
        answer('sting', '针刺样，呼吸或按压时加重', 'Stinging, worse on breathing or pressing', {
          next: 'spread',
          level: 3,
        }),
        answer('flutter', '不痛，只是心慌', 'No pain, only palpitations', {
          next: 'sweat',
          level: 3,
          complaintCode: 'palpitation',
        }),
      ),
      ask(
        'spread',
        '有没有放射到左臂、肩背、下巴或上腹？',
        'Does it go to the arm, shoulder, back, jaw or upper belly?',
        answer('yes', '有', 'Yes', { next: 'sweat', level: 2 }),
        answer('no', '没有', 'No', { next: 'sweat' }),
      ),
      ask(
        'sweat',
        '有没有出冷汗、脸色苍白、快要晕倒或喘不上气？',
        'Cold sweat, pale, about to faint, or short of breath?',
        answer('yes', '有', 'Yes', { next: 'since', level: 1, advice: ['sit'] }),
        answer('no', '没有', 'No', { next: 'since' }),
      ),
      ask(
        'since',
        '痛了多久？',
        'For how long?',
        answer('now', '不到十二小时，还在痛', 'Less than twelve hours, still there', { next: 'drug', level: 2 }),
        answer('gone', '已经缓解', 'It has passed', { next: 'drug', level: 3 }),
        answer('days', '断断续续几天了', 'On and off for days', { next: 'drug', level: 3 }),
      ),
      ask(
        'drug',
        '医生有没有给他开过硝酸甘油？手边有阿司匹林吗？对药物过敏吗？',
        'Has a doctor given the patient nitroglycerin? Is aspirin at hand? Any allergy to medicines?',
        answer('own', '有自己的急救药', 'Has own emergency medicine', { advice: ['own-drug'] }),
        answer('none', '没有', 'None'),
      ),
    ],
    advices: [
      say(
        'rest',
        '让病人马上停下来，半躺着休息，不要走动，不要自己开车去医院。',
        'Let the patient stop everything and rest half lying; no walking, and do not drive to hospital.',
      ),
      say(
        'own-drug',
        '可以按医生以前的嘱咐用他自己的药；头晕、出冷汗时不要用硝酸甘油。别的药等医生来。',
        'The patient may take the own medicine as a doctor told before; no nitroglycerin when dizzy or sweating. Leave other medicines to the crew.',
      ),
    ],
  },
  {
    packId: 'stroke',
    title: ['卒中（中风）', 'Stroke'],
    codes: ['stroke', 'dizziness'],
    syndrome: 'neurological',
    terms: '卒中 中风 偏瘫 口角歪斜 说不出话 脑梗 脑出血 cz zf pt ng stroke',
    level: 2,
    baseAdvice: ['lie', 'nothing', 'stay'],
    wants: ['monitor'],
    questions: [
      ...openWith('face'),
      ask(
        'face',
        '请病人笑一下、露出牙齿：两边嘴角一样高吗？',
        'Ask the patient to smile and show the teeth: are both sides level?',
        answer('level', '一样', 'Level', { next: 'arm' }),
        answer('droop', '一边歪斜', 'One side droops', { next: 'arm', level: 2 }),
        answer('cannot', '做不了', 'Cannot do it', { next: 'arm', level: 2 }),
      ),
      ask(
        'arm',
        '请病人闭眼平举双手十秒：有没有一只手掉下来？',
        'Ask the patient to hold both arms out with eyes closed for ten seconds: does one sink?',
        answer('both', '都举得住', 'Both stay up', { next: 'speech' }),
        answer('one', '一侧无力', 'One side is weak', { next: 'speech', level: 2 }),
        answer('cannot', '举不起来', 'Cannot lift them', { next: 'speech', level: 2 }),
      ),
      ask(
        'speech',
        '请病人说“今天天气很好”：说得清楚吗？',
        'Ask the patient to say “the weather is fine today”: is it clear?',
        answer('clear', '清楚', 'Clear', { next: 'well' }),
        answer('slurred', '口齿不清或答非所问', 'Slurred or wrong words', { next: 'well', level: 2 }),
        answer('none', '说不出', 'No words', { next: 'well', level: 2 }),
      ),
      ask(
        'well',
        '最后一次看到他完全正常是什么时候？',
        'When was the patient last seen quite well?',
        answer('fresh', '六小时以内', 'Within six hours', { next: 'head', level: 2, advice: ['time'] }),
        answer('day', '六到二十四小时', 'Six to twenty-four hours ago', { next: 'head', level: 2, advice: ['time'] }),
        answer('unknown', '醒来就这样，不知道', 'Woke up so, nobody knows', {
          next: 'head',
          level: 2,
          advice: ['time'],
        }),
        answer('old', '超过一天', 'More than a day ago', { next: 'head', level: 3 }),
      ),
      ask(
        'head',
        '有没有突然剧烈头痛、呕吐或抽搐？',
        'Sudden severe headache, vomiting, or a fit?',
        answer('yes', '有', 'Yes', { level: 1, advice: ['side'] }),
        answer('no', '没有', 'No', { level: 3 }),
      ),
    ],
    advices: [
      say(
        'lie',
        '让病人平躺，头肩稍垫高，不要扶着走，不要掐人中、放血或喂药。',
        'Let the patient lie with head and shoulders a little raised. Do not walk the patient, do not give any medicine.',
      ),
      say(
        'time',
        '请记住最后正常的钟点，交给医生，这关系到能不能溶栓。',
        'Remember the time the patient was last well and tell the crew: the treatment hangs on it.',
      ),
    ],
  },
  {
    packId: 'breathing',
    title: ['呼吸困难', 'Breathing difficulty'],
    codes: ['breathing', 'asthma', 'cough', 'haemoptysis', 'allergy'],
    syndrome: 'respiratory',
    terms: '呼吸困难 喘 气短 哮喘 过敏 噎住 咳血 hxkn xc gm cqx breath asthma choking allergy',
    level: 2,
    baseAdvice: ['sit', 'stay'],
    wants: ['ventilator', 'monitor'],
    questions: [
      ...openWith('talk'),
      ask(
        'talk',
        '病人一口气能说完一句话吗？',
        'Can the patient say a whole sentence in one breath?',
        answer('yes', '能', 'Yes', { next: 'colour', level: 3 }),
        answer('words', '只能几个字几个字地说', 'Only a few words', { next: 'colour', level: 1 }),
        answer('none', '说不出话', 'Cannot speak', { next: 'colour', level: 1 }),
      ),
      ask(
        'colour',
        '嘴唇、脸色发紫或发灰吗？',
        'Are lips or face blue or grey?',
        answer('yes', '是', 'Yes', { next: 'onset', level: 1 }),
        answer('no', '不是', 'No', { next: 'onset' }),
      ),
      ask(
        'onset',
        '是突然发生的吗？当时在吃东西、接触了什么？',
        'Did it come suddenly? While eating, or after touching something?',
        answer('choke', '吃东西噎住', 'Choked on food', { level: 1, advice: ['choke'] }),
        answer(
          'allergy',
          '用药、被叮咬或吃了东西后，身上起疹、脸肿',
          'After medicine, a sting or food, with rash or swelling',
          {
            level: 1,
            advice: ['allergy'],
            wants: ['als'],
            complaintCode: 'allergy',
            syndrome: 'other',
          },
        ),
        answer('slow', '慢慢加重', 'It grew worse slowly', { next: 'fever' }),
        answer('old', '老毛病：哮喘、慢阻肺、心衰', 'Known asthma, lung or heart disease', {
          next: 'fever',
          advice: ['inhaler'],
          complaintCode: 'asthma',
        }),
      ),
      ask(
        'fever',
        '这几天有没有发烧、咳嗽？身边有没有人也这样？',
        'Fever or cough these days? Does anybody around have the same?',
        answer('several', '有，周围好几个人都这样', 'Yes, several people around have it', {
          level: 2,
          wants: ['isolation'],
          syndrome: 'respiratory',
          advice: ['mask'],
        }),
        answer('one', '只有他发烧咳嗽', 'Only this patient', {
          level: 3,
          wants: ['isolation'],
          syndrome: 'respiratory',
          advice: ['mask'],
        }),
        answer('no', '没有', 'No', { level: 3 }),
      ),
    ],
    advices: [
      say(
        'choke',
        '如果还能咳嗽，让他使劲咳。咳不出、说不出话：站到他身后，双手抱住上腹，猛地向里向上冲压，直到吐出来；婴儿改为拍背五下、按胸五下。',
        'If the patient can cough, let the patient cough hard. If not: stand behind, arms round the upper belly, thrust inwards and upwards until it comes out; for a baby five blows on the back, five presses on the chest.',
      ),
      say(
        'allergy',
        '让他离开致敏的东西，平躺抬腿；喘得厉害就坐着。有医生开的肾上腺素笔可以按说明使用。',
        'Take the patient away from the cause, lying with legs raised, or sitting when short of breath. An adrenaline pen a doctor prescribed may be used as it says.',
      ),
      say(
        'inhaler',
        '用他自己的吸入药，按医生以前教的方法；不见好就告诉我。',
        'Use the patient’s own inhaler as a doctor showed; tell me when it does not help.',
      ),
      say(
        'mask',
        '请您和病人都戴上口罩，开窗，别人先到别的房间。',
        'Put on masks, you and the patient, open a window, and let the others go to another room.',
      ),
    ],
  },
  {
    packId: 'unconscious',
    title: ['昏迷、抽搐', 'Unconscious or fitting'],
    codes: ['unconscious', 'seizure', 'syncope', 'altered-mental', 'diabetic'],
    syndrome: 'neurological',
    terms: '昏迷 叫不醒 意识不清 抽搐 癫痫 晕倒 低血糖 hm jbx cc dx yd unconscious seizure faint',
    level: 1,
    baseAdvice: ['side', 'nothing', 'stay'],
    wants: ['als', 'monitor'],
    questions: [
      ask(
        'breathes',
        '看他的胸口十秒钟：有规律的呼吸吗？偶尔抽一口气不算。',
        'Watch the chest for ten seconds: is there regular breathing? A gasp now and then does not count.',
        answer('yes', '有规律呼吸', 'Breathes regularly', { next: 'fit' }),
        answer('no', '没有，或只是偶尔抽气', 'No, or only gasps', { level: 1, pack: 'arrest' }),
        answer('unsure', '说不清', 'Not sure', { level: 1, pack: 'arrest' }),
      ),
      ask(
        'fit',
        '现在在抽搐吗？',
        'Is the patient fitting now?',
        answer('now', '正在抽', 'Fitting now', { next: 'long', level: 1, advice: ['fit'], complaintCode: 'seizure' }),
        answer('stopped', '抽过，已经停了', 'Was fitting, has stopped', {
          next: 'awake',
          level: 2,
          complaintCode: 'seizure',
        }),
        answer('no', '没有抽', 'No', { next: 'awake' }),
      ),
      ask(
        'long',
        '抽了多久？以前有癫痫吗？',
        'For how long? Is epilepsy known?',
        answer('over', '超过五分钟，或一次接一次', 'More than five minutes, or one after another', {
          next: 'cause',
          level: 1,
        }),
        answer('known', '不到五分钟，以前有癫痫', 'Less than five minutes, epilepsy known', {
          next: 'cause',
          level: 2,
        }),
        answer('first', '不到五分钟，第一次', 'Less than five minutes, the first', { next: 'cause', level: 2 }),
      ),
      ask(
        'awake',
        '现在叫得醒吗？',
        'Can the patient be woken now?',
        answer('no', '叫不醒', 'No', { next: 'cause', level: 1 }),
        answer('drowsy', '迷糊', 'Drowsy', { next: 'cause', level: 2 }),
        answer('yes', '已经完全清醒', 'Fully awake again', { next: 'cause', level: 3, complaintCode: 'syncope' }),
      ),
      ask(
        'cause',
        '有没有外伤、糖尿病、喝酒、服药或接触煤气？',
        'Any injury, diabetes, alcohol, medicine taken, or gas?',
        answer('gas', '煤气或有毒气体', 'Gas or fumes', { level: 1, pack: 'poisoning' }),
        answer('drug', '喝酒、服药', 'Alcohol or medicine', { level: 2, pack: 'poisoning' }),
        answer('sugar', '有糖尿病', 'Diabetes', {
          level: 1,
          advice: ['sugar'],
          complaintCode: 'diabetic',
          syndrome: 'other',
        }),
        answer('hurt', '摔倒、撞到头', 'Fell or hit the head', { level: 1, advice: ['neck'] }),
        answer('none', '都没有', 'None'),
      ),
    ],
    advices: [
      say(
        'fit',
        '把周围的东西挪开，头下垫软物。不要按住他，不要往嘴里塞任何东西。停了以后翻成侧卧。',
        'Move things away and put something soft under the head. Do not hold the patient down, put nothing into the mouth. When it stops, roll onto the side.',
      ),
      say(
        'sugar',
        '完全清醒、能吞咽才可以喝糖水；迷糊的时候什么都不能喂。',
        'Sugared water only when fully awake and swallowing; nothing by mouth while drowsy.',
      ),
      say(
        'neck',
        '不要搬动头和脖子，除非他不呼吸或周围有危险。',
        'Do not move head or neck unless the patient stops breathing or there is danger around.',
      ),
    ],
  },
  {
    packId: 'trauma',
    title: ['外伤', 'Injury'],
    codes: ['injury', 'traffic', 'fall', 'fracture', 'bleeding', 'burn'],
    syndrome: 'trauma',
    terms: '外伤 车祸 摔伤 坠落 骨折 出血 烧伤 烫伤 刀伤 ws ch ss zl gz cx ss injury accident fall burn bleeding',
    level: 2,
    baseAdvice: ['safe', 'neck', 'stay'],
    questions: [
      ask(
        'safe',
        '现场安全吗？还有没有着火、漏油、车流、触电或施暴的人？',
        'Is the place safe? Fire, fuel, traffic, electricity, or a violent person?',
        answer('yes', '安全', 'Safe', { next: 'many' }),
        answer('no', '不安全', 'Not safe', { next: 'many', level: 1, advice: ['leave'] }),
      ),
      ask(
        'many',
        '几个人受伤？',
        'How many are hurt?',
        answer('one', '一个', 'One', { next: 'awake' }),
        answer('two', '两到三个', 'Two or three', { next: 'awake', level: 2 }),
        answer('more', '三个以上', 'More than three', { next: 'awake', level: 1, advice: ['many'] }),
      ),
      ...openWith('bleed'),
      ask(
        'bleed',
        '有没有大量出血，比如喷血、湿透衣服？',
        'Heavy bleeding: spurting, or soaking through clothes?',
        answer('yes', '有', 'Yes', {
          next: 'how',
          level: 1,
          advice: ['press-wound'],
          wants: ['als'],
          complaintCode: 'bleeding',
        }),
        answer('some', '有一点', 'A little', { next: 'how', advice: ['press-wound'] }),
        answer('no', '没有', 'No', { next: 'how' }),
      ),
      ask(
        'how',
        '是怎么受伤的？',
        'How did it happen?',
        answer(
          'traffic',
          '车祸：被抛出、夹住、翻车或撞行人',
          'Traffic: thrown out, trapped, rolled over, or a pedestrian',
          { next: 'pain', level: 1, wants: ['als'], complaintCode: 'traffic' },
        ),
        answer('height', '从两米以上摔下', 'A fall from more than two metres', {
          next: 'pain',
          level: 1,
          wants: ['als'],
          complaintCode: 'fall',
        }),
        answer('stab', '刀刺、枪击、重物挤压', 'Stabbed, shot, crushed', { next: 'pain', level: 1, wants: ['als'] }),
        answer('burn', '烧伤、烫伤、化学品', 'Burn, scald, chemical', {
          next: 'pain',
          level: 2,
          advice: ['cool'],
          complaintCode: 'burn',
        }),
        answer('trip', '平地摔倒、扭伤', 'Tripped or sprained', { next: 'pain', level: 3, complaintCode: 'fall' }),
        answer('small', '轻微碰伤、割伤', 'A small knock or cut', { next: 'pain', level: 4 }),
      ),
      ask(
        'pain',
        '哪里痛得最厉害？手脚能动、有知觉吗？',
        'Where does it hurt most? Can hands and feet move and feel?',
        answer('numb', '手脚麻木或动不了，或颈背剧痛', 'Numb or cannot move, or neck and back hurt badly', {
          level: 1,
          advice: ['still'],
        }),
        answer('deformed', '变形、骨头露出', 'Out of shape, or bone showing', {
          level: 2,
          advice: ['splint'],
          complaintCode: 'fracture',
        }),
        answer('trunk', '头、胸、腹痛', 'Head, chest or belly', { level: 2 }),
        answer('limb', '只有手脚痛', 'Only a limb', { level: 3 }),
      ),
    ],
    advices: [
      say('safe', '先看清周围是否安全，再靠近伤者。', 'See that it is safe before you go near.'),
      say(
        'leave',
        '先离开危险的地方，到安全处再打给我们；不要为了搬东西返回。',
        'Leave the danger first and call from a safe place; do not go back for things.',
      ),
      say(
        'neck',
        '不要搬动伤者，扶稳头颈，除非不呼吸或周围有危险。',
        'Do not move the injured; hold head and neck still, unless breathing stops or there is danger.',
      ),
      say(
        'many',
        '请数清人数，告诉我谁不会动、谁不呼吸；能走的请他们走到一边坐下。',
        'Count them and tell me who does not move and who does not breathe; ask those who can walk to sit aside together.',
      ),
      say(
        'press-wound',
        '用干净的布用力压住出血的地方，一直压着，不要松开看。四肢喷血压不住，用宽布带在伤口上方扎紧，记下时间。',
        'Press a clean cloth hard on the wound and keep pressing; do not lift it to look. If a limb still spurts, tie a broad band tight above the wound and note the time.',
      ),
      say(
        'cool',
        '用流动的凉水冲二十分钟，脱掉戒指手表，粘住的衣服不要扯，不要涂任何东西。',
        'Cool with running water for twenty minutes; take off rings and watch, leave clothes that stick, put nothing on it.',
      ),
      say(
        'still',
        '告诉伤者不要动，您用双手稳住他的头，等医生来。',
        'Tell the injured not to move; hold the head still with both hands until the crew comes.',
      ),
      say(
        'splint',
        '保持原来的姿势，用衣物垫稳；露出的骨头用干净布盖住，不要推回去。',
        'Leave the limb as it is and support it with clothes; cover bone with a clean cloth, do not push it back.',
      ),
    ],
  },
  {
    packId: 'obstetric',
    title: ['产科急症', 'Pregnancy and birth'],
    codes: ['labour'],
    syndrome: 'other',
    terms: '分娩 要生了 临产 羊水破 孕妇 出血 fm ysl lc ysp yf cf birth labour pregnant',
    level: 2,
    baseAdvice: ['left', 'stay', 'door'],
    questions: [
      ask(
        'weeks',
        '怀孕多少周了？',
        'How many weeks pregnant?',
        answer('term', '三十七周以上', 'Thirty-seven or more', { next: 'out' }),
        answer('early', '二十到三十七周', 'Twenty to thirty-seven', { next: 'out', level: 2 }),
        answer('first', '不到二十周', 'Less than twenty', { next: 'blood' }),
        answer('after', '已经生了', 'Already born', { next: 'baby', level: 1 }),
      ),
      ask(
        'out',
        '看得到宝宝的头，或者想用力往下解大便吗？',
        'Can you see the baby’s head, or is there an urge to push?',
        answer('head', '看得到头', 'The head is seen', {
          next: 'blood',
          level: 1,
          advice: ['deliver'],
          wants: ['als'],
        }),
        answer('limb', '先出来手、脚或脐带', 'A hand, a foot or the cord comes first', {
          next: 'blood',
          level: 1,
          advice: ['hips-up'],
          wants: ['als'],
        }),
        answer('push', '想用力', 'An urge to push', { next: 'blood', level: 1, advice: ['deliver'] }),
        answer('no', '没有', 'No', { next: 'pains' }),
      ),
      ask(
        'pains',
        '肚子几分钟痛一次？羊水破了吗？',
        'How many minutes between pains? Have the waters broken?',
        answer('often', '五分钟以内一次', 'Every five minutes or less', { next: 'blood', level: 2 }),
        answer('waters', '羊水破了', 'The waters have broken', { next: 'blood', level: 2, advice: ['hips-up'] }),
        answer('rare', '间隔很长', 'Far apart', { next: 'blood', level: 3 }),
      ),
      ask(
        'blood',
        '有没有大量出血、剧烈头痛、眼花、抽搐？',
        'Heavy bleeding, severe headache, blurred sight, or a fit?',
        answer('bleed', '大量出血', 'Heavy bleeding', { level: 1, wants: ['als'], complaintCode: 'bleeding' }),
        answer('fit', '头痛、眼花或抽搐', 'Headache, blurred sight or a fit', {
          level: 1,
          wants: ['als'],
          advice: ['side'],
        }),
        answer('no', '没有', 'No', { level: 3 }),
      ),
      ask(
        'baby',
        '宝宝哭了吗，会动吗？妈妈出血多吗？',
        'Does the baby cry and move? Does the mother bleed much?',
        answer('well', '会哭会动，出血不多', 'Cries and moves, little bleeding', { level: 2, advice: ['warm'] }),
        answer('silent', '不哭不动', 'Neither cries nor moves', { level: 1, advice: ['rub'], wants: ['als'] }),
        answer('bleed', '妈妈出血很多', 'The mother bleeds heavily', {
          level: 1,
          advice: ['warm', 'womb'],
          wants: ['als'],
        }),
      ),
    ],
    advices: [
      say(
        'left',
        '让孕妇向左侧躺，不要自己走下楼，不要再坐车去医院。',
        'Let her lie on her left side; no walking downstairs, no driving to hospital.',
      ),
      say(
        'deliver',
        '让她躺下，垫高上身，双腿分开。宝宝出来时双手托住，不要拉；出来后擦干、包好、贴在妈妈胸口，不要剪脐带。',
        'Let her lie with her back raised and knees apart. Support the baby with both hands as it comes, do not pull. Then dry it, wrap it, lay it on the mother’s chest; do not cut the cord.',
      ),
      say(
        'hips-up',
        '让她平躺，用枕头垫高臀部，不要站起来，忍住不要用力。',
        'Let her lie flat with pillows under the hips; she must not stand up, and should not push.',
      ),
      say(
        'warm',
        '擦干宝宝，和妈妈贴在一起盖好；胎盘出来用袋子装好交给医生。',
        'Dry the baby, cover it together with the mother; keep the afterbirth in a bag for the crew.',
      ),
      say(
        'rub',
        '把宝宝擦干，用毛巾轻搓后背，弹脚底；还不呼吸就用嘴轻轻吹他的口鼻，看胸口起来。',
        'Dry the baby, rub its back with a towel, flick its soles; if it still does not breathe, puff gently into mouth and nose until the chest rises.',
      ),
      say(
        'womb',
        '在肚脐下方用手掌打圈用力揉，直到摸到一个硬球。',
        'Rub the belly below the navel firmly in circles until you feel a hard ball.',
      ),
    ],
  },
  {
    packId: 'paediatric',
    title: ['儿童急症', 'Sick child'],
    codes: ['child'],
    syndrome: 'unknown',
    terms: '儿童 小孩 宝宝 婴儿 高热惊厥 发烧抽搐 et xh bb ye jj child baby',
    level: 2,
    baseAdvice: ['stay', 'calm'],
    questions: [
      ...openWith('breath'),
      ask(
        'breath',
        '呼吸很快、吸气时肋间凹下去、嘴唇发紫，或者像狗叫一样咳吗？',
        'Fast breathing, ribs drawn in, blue lips, or a barking cough?',
        answer('yes', '有', 'Yes', {
          next: 'main',
          level: 1,
          advice: ['sit'],
          wants: ['ventilator'],
          syndrome: 'respiratory',
          complaintCode: 'breathing',
        }),
        answer('no', '没有', 'No', { next: 'main' }),
      ),
      ask(
        'main',
        '最主要的是什么？',
        'What is it mainly?',
        answer('fit', '抽搐', 'A fit', {
          next: 'age',
          level: 1,
          advice: ['fit'],
          syndrome: 'neurological',
          complaintCode: 'seizure',
        }),
        answer('fever', '发烧', 'Fever', {
          next: 'rash',
          level: 3,
          advice: ['cool-child'],
          syndrome: 'respiratory',
          complaintCode: 'fever',
        }),
        answer('gut', '呕吐、腹泻', 'Vomiting or diarrhoea', {
          next: 'age',
          level: 3,
          syndrome: 'diarrhoeal',
          complaintCode: 'diarrhoea',
        }),
        answer('swallow', '误吞、误服', 'Swallowed something', { level: 2, pack: 'poisoning' }),
        answer('hurt', '受伤', 'Hurt', { level: 2, pack: 'trauma' }),
        answer('other', '其他', 'Something else', { next: 'age' }),
      ),
      ask(
        'rash',
        '身上有疹子吗？压下去不褪色吗？',
        'A rash? Does it stay when pressed?',
        answer('stays', '有，压不褪色', 'Yes, it stays', {
          next: 'age',
          level: 1,
          wants: ['isolation'],
          syndrome: 'fever-rash',
          complaintCode: 'fever-rash',
        }),
        answer('fades', '有，压了会褪', 'Yes, it fades', {
          next: 'age',
          level: 3,
          wants: ['isolation'],
          syndrome: 'fever-rash',
          complaintCode: 'fever-rash',
        }),
        answer('no', '没有', 'No', { next: 'age' }),
      ),
      ask(
        'age',
        '孩子多大？精神怎么样，吃奶喝水、小便正常吗？',
        'How old? Is the child lively, drinking, passing water?',
        answer('newborn', '三个月以内', 'Under three months', { level: 2 }),
        answer('dull', '没精神，不喝水，八小时没小便', 'Dull, not drinking, dry for eight hours', { level: 2 }),
        answer('well', '精神还好', 'Lively', { level: 3 }),
      ),
    ],
    advices: [
      say(
        'calm',
        '抱着孩子安慰他，让他用自己舒服的姿势呼吸，不要强迫躺下。',
        'Hold and comfort the child; let the child breathe in the position it likes, do not force it to lie down.',
      ),
      say(
        'fit',
        '让孩子侧躺，松开衣服，嘴里不要放东西，不要按住；看好时间。',
        'Lay the child on the side, loosen clothes, nothing in the mouth, do not hold down; watch the clock.',
      ),
      say(
        'cool-child',
        '减少衣物，喂温水；不要用酒精擦，不要捂汗。',
        'Take off layers and offer water; no alcohol rubs, no heavy blankets.',
      ),
    ],
  },
  {
    packId: 'poisoning',
    title: ['中毒', 'Poisoning'],
    codes: ['poisoning', 'pesticide', 'carbon-monoxide', 'food-poisoning', 'overdose'],
    syndrome: 'poisoning',
    terms: '中毒 农药 煤气 一氧化碳 误服 服药 酒精 食物中毒 zd ny mq wf fy poison gas overdose',
    level: 2,
    baseAdvice: ['nothing', 'keep-box', 'stay'],
    wants: ['monitor'],
    questions: [
      ...openWith('what'),
      ask(
        'what',
        '接触了什么？',
        'What was it?',
        answer('gas', '煤气、一氧化碳、烟', 'Gas, carbon monoxide, smoke', {
          next: 'many',
          level: 1,
          advice: ['air'],
          wants: ['ventilator'],
          complaintCode: 'carbon-monoxide',
        }),
        answer('pesticide', '农药、灭鼠药', 'Pesticide or rat poison', {
          next: 'many',
          level: 1,
          advice: ['no-vomit', 'wash'],
          wants: ['als'],
          complaintCode: 'pesticide',
        }),
        answer('acid', '强酸、强碱、清洁剂', 'Acid, lye or cleaner', {
          next: 'many',
          level: 1,
          advice: ['no-vomit', 'wash'],
        }),
        answer('drug', '药物', 'Medicine', {
          next: 'why',
          level: 2,
          advice: ['no-vomit'],
          wants: ['als'],
          complaintCode: 'overdose',
        }),
        answer('food', '吃坏东西', 'Bad food', { next: 'many', level: 3, complaintCode: 'food-poisoning' }),
        answer('alcohol', '喝酒', 'Alcohol', { next: 'why', level: 3, advice: ['side'] }),
      ),
      ask(
        'many',
        '还有别人也不舒服吗？',
        'Is anybody else unwell?',
        answer('several', '有，三人以上', 'Yes, three or more', { next: 'why', level: 1, advice: ['all-out'] }),
        answer('few', '还有一两个', 'One or two more', { next: 'why', level: 2, advice: ['all-out'] }),
        answer('no', '没有', 'No', { next: 'why' }),
      ),
      ask(
        'why',
        '是不小心，还是想不开？身边有没有刀、药？',
        'By mistake, or on purpose? Are there knives or medicines within reach?',
        answer('mistake', '不小心', 'By mistake'),
        answer('purpose', '想不开', 'On purpose', { level: 1, advice: ['watch'] }),
        answer('unknown', '不清楚', 'Not known'),
      ),
    ],
    advices: [
      say(
        'keep-box',
        '留下药瓶、包装、剩余的东西和呕吐物，交给医生。',
        'Keep the bottle, box, what is left and what was vomited for the crew.',
      ),
      say(
        'air',
        '自己先安全：屏住气开窗关阀，把人拖到室外，屋里不要开灯、不要打火、不要打电话。',
        'Your own safety first: hold your breath, open windows, close the valve, drag the person outside; no lights, no flame and no telephone indoors.',
      ),
      say('no-vomit', '不要催吐，不要喝水喝奶。', 'Do not make the patient vomit; no water, no milk.'),
      say(
        'wash',
        '戴手套脱掉沾上的衣服，用大量清水冲皮肤和眼睛十五分钟。',
        'With gloves take off clothes that were touched, rinse skin and eyes with plenty of water for fifteen minutes.',
      ),
      say(
        'all-out',
        '请所有人离开那里到通风的地方，不要再吃同样的东西，数一数多少人不舒服。',
        'Let everybody leave for fresh air and eat no more of it; count how many are unwell.',
      ),
      say(
        'watch',
        '不要让他一个人，拿开刀具和药，陪他说话，不要责备。',
        'Do not leave the patient alone; take knives and medicines away, keep talking, do not blame.',
      ),
    ],
  },
  {
    packId: 'fever-rash',
    title: ['发热伴皮疹', 'Fever with rash'],
    codes: ['fever-rash', 'rash', 'fever'],
    syndrome: 'fever-rash',
    terms: '发热伴皮疹 发烧 发热 出疹 皮疹 水痘 麻疹 frbpz fs fr cz pz sd mz fever rash',
    level: 3,
    baseAdvice: ['mask', 'stay'],
    questions: [
      ...openWith('rash'),
      ask(
        'rash',
        '疹子什么样？压一下会褪色吗？',
        'What is the rash like? Does it fade when pressed?',
        answer('stays', '紫红色，压不褪', 'Purple, does not fade', {
          next: 'neck',
          level: 1,
          wants: ['isolation', 'als'],
        }),
        answer('blister', '水疱', 'Blisters', { next: 'neck', level: 3, wants: ['isolation'] }),
        answer('fades', '红色，压了会褪', 'Red, fades', { next: 'neck', level: 3, wants: ['isolation'] }),
        answer('none', '没有疹子，只是发烧', 'No rash, only fever', {
          next: 'neck',
          level: 3,
          syndrome: 'respiratory',
          complaintCode: 'fever',
        }),
      ),
      ask(
        'neck',
        '有没有剧烈头痛、脖子发硬、怕光、呕吐？',
        'Severe headache, stiff neck, pain from light, vomiting?',
        answer('yes', '有', 'Yes', { next: 'contact', level: 1 }),
        answer('no', '没有', 'No', { next: 'contact' }),
      ),
      ask(
        'contact',
        '身边还有人发烧出疹吗？最近出过远门、接触过病人或动物吗？',
        'Does anybody around have fever or rash? Travel, contact with sick people or animals lately?',
        answer('group', '学校、单位或家里有好几个', 'Several at school, work or home', {
          next: 'vaccine',
          level: 2,
          wants: ['isolation'],
          advice: ['keep-in'],
        }),
        answer('travel', '出过远门或接触过病人、动物', 'Travel, or contact with the sick or animals', {
          next: 'vaccine',
          wants: ['isolation'],
          advice: ['keep-in'],
        }),
        answer('no', '没有', 'No', { next: 'vaccine' }),
      ),
      ask(
        'vaccine',
        '病人是孕妇、婴儿，或免疫力低下的人吗？',
        'Is the patient pregnant, a baby, or of weak immunity?',
        answer('yes', '是', 'Yes', { level: 2 }),
        answer('no', '不是', 'No', { level: 3 }),
      ),
    ],
    advices: [
      say(
        'mask',
        '请您和病人都戴上口罩，病人单独一个房间，开窗；医护人员到了会穿防护服。',
        'Masks for you and the patient, a room alone with the window open; the crew will come in protective suits.',
      ),
      say(
        'keep-in',
        '和病人一起的人请先留在原处，不要外出，记下最近接触过的人。',
        'Those who were with the patient please stay where they are and write down whom they met lately.',
      ),
    ],
  },
  {
    packId: 'generic',
    title: ['其他急症', 'Other'],
    codes: [
      'other',
      'abdominal-pain',
      'back-pain',
      'weakness',
      'headache',
      'vomiting',
      'diarrhoea',
      'vomit-diarrhoea',
      'sore-throat',
      'influenza',
      'unknown',
    ],
    syndrome: 'other',
    terms: '其他 腹痛 肚子痛 头痛 腰痛 呕吐 腹泻 乏力 不舒服 qt ft dzt tt yt ot fx bsf other belly headache',
    level: 3,
    baseAdvice: ['stay', 'door'],
    questions: [
      ...openWith('breath'),
      ask(
        'breath',
        '呼吸顺畅吗？',
        'Is breathing easy?',
        answer('yes', '顺畅', 'Yes', { next: 'bleed' }),
        answer('no', '费力', 'No, it is hard', { level: 2, pack: 'breathing' }),
      ),
      ask(
        'bleed',
        '有没有大量出血：呕血、黑便、阴道出血？',
        'Heavy bleeding: vomiting blood, black stools, from the vagina?',
        answer('yes', '有', 'Yes', {
          next: 'pain',
          level: 1,
          advice: ['flat', 'nothing'],
          wants: ['als'],
          complaintCode: 'bleeding',
        }),
        answer('no', '没有', 'No', { next: 'pain' }),
      ),
      ask(
        'pain',
        '最难受的是什么？',
        'What is worst?',
        answer('belly', '肚子痛得厉害', 'Severe belly pain', {
          next: 'shock',
          level: 2,
          advice: ['nothing'],
          complaintCode: 'abdominal-pain',
        }),
        answer('head', '从没有过的剧烈头痛', 'The worst headache ever', {
          next: 'shock',
          level: 1,
          complaintCode: 'headache',
          syndrome: 'neurological',
        }),
        answer('gut', '呕吐、腹泻', 'Vomiting or diarrhoea', {
          next: 'shock',
          level: 3,
          complaintCode: 'vomit-diarrhoea',
          syndrome: 'diarrhoeal',
        }),
        answer('weak', '没力气', 'Weakness', { next: 'shock', level: 3, complaintCode: 'weakness' }),
        answer('other', '其他', 'Something else', { next: 'shock' }),
      ),
      ask(
        'shock',
        '脸色苍白、出冷汗、站不住吗？',
        'Pale, cold sweat, cannot stand?',
        answer('yes', '是', 'Yes', { level: 1, advice: ['flat'] }),
        answer('no', '不是', 'No', { level: 3 }),
      ),
    ],
    advices: [
      say(
        'flat',
        '让病人平躺，把腿垫高，盖上衣服保暖。',
        'Let the patient lie flat with legs raised, covered and warm.',
      ),
    ],
  },
]

/** The packs of the first start. */
export const defaultPacks: readonly Pack[] = drafts.map(build)
