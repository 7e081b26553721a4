"""Everyday forms of English given names: Bob is Robert."""

from __future__ import annotations

_GROUPS = """
abigail abby gail|albert al bert|alexander alex sandy alec xander|alexandra alex sandra lexi sasha
alfred al fred alf|alison ali ally|amanda mandy|amelia amy millie|andrew andy drew|angela angie
ann anne anna annie nan nancy|anthony tony|arthur art|barbara barb babs|benjamin ben benny benji
bernard bernie|bradley brad|cameron cam|catherine katherine kathryn kate kathy cathy katie kit kay
charles charlie chuck chas|charlotte charlie lottie|christine christina chris tina chrissy
christopher chris kit topher|clifford cliff|cynthia cindy|daniel dan danny|david dave davy
deborah debra deb debbie|dennis denny|donald don donny|dorothy dot dottie dolly|douglas doug
edward ed eddie ted ned|eleanor ellie nell nora
elizabeth liz lizzie beth betty eliza libby elsie bess|emily em emmy|eugene gene|evelyn evie
florence flo|frances fran fanny|francis frank|franklin frank|frederick fred freddie rick
gabriel gabe|george georgie|gerald gerry jerry|geoffrey jeffrey geoff jeff|gregory greg
harold harry hal|harriet hattie|helen nell nellie|henry harry hank hal|isabella isabel bella izzy
jacob jake|jacqueline jackie|james jim jimmy jamie|jane janie jenny|janet jan|jason jay
jennifer jen jenny|jeremy jerry|jessica jess jessie|joan joanie|joanna jo|john jack johnny jon
jonathan jon jonny|joseph joe joey|joshua josh|joyce joy|judith judy|julia julie|kenneth ken kenny
kimberly kim|laurence lawrence larry|leonard leo len lenny|leslie les|lillian lily|linda lindy
louis lewis lou|louise lou|lucille lucy|madeline maddie|margaret maggie meg peggy marge greta daisy
maria mary|marie molly polly|martha marty|martin marty|matilda tilly|matthew matt|maximilian max
melanie mel|melissa mel missy|michael mike mick mickey mikey|michelle shelly|nathan nate nat
nathaniel nate nat|nicholas nick nicky|nicole nikki|norman norm|oliver ollie|olivia liv livvy
pamela pam|patricia pat patty tricia trish|patrick pat paddy|peter pete|philip phillip phil
rachel rae|randolph randy|raymond ray|rebecca becky becca|richard rick dick rich richie ricky
robert bob rob bobby robbie bert|roger rodge|ronald ron ronnie|rosemary rose rosie|russell russ
samantha sam|samuel sam sammy|sandra sandy|sarah sally sadie|sharon shari|stanley stan
stephanie steph|stephen steven steve|susan susanna sue susie|sylvia syl
teresa theresa terry tess tessa|terence terrence terry|theodore ted teddy theo|thomas tom tommy
timothy tim timmy|valerie val|victor vic|victoria vicky tori|vincent vince vinny|virginia ginny
walter walt wally|wendy wen|wesley wes|william will bill billy willie liam|zachary zach zac
"""


def _table() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    joined = _GROUPS.replace("\n", "|")
    for number, group in enumerate(joined.split("|")):
        for name in group.split():
            found.setdefault(name, set()).add(number)
    return {name: frozenset(groups) for name, groups in found.items()}


_TABLE = _table()
_NONE: frozenset[int] = frozenset()


def same_given_name(left: str, right: str) -> bool:
    """Whether both are forms of one given name."""
    return bool(_TABLE.get(left, _NONE) & _TABLE.get(right, _NONE))


def given_names() -> frozenset[str]:
    """All names of the table, as spelt in folded case."""
    return frozenset(_TABLE)
