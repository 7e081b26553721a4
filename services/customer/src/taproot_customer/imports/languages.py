"""What columns are called in German, French, Spanish, Italian, Portuguese, Dutch, Russian, Japanese and Korean."""

from __future__ import annotations

NAMES: dict[str, str] = {
    "display_name": (
        "firma|firmenname|unternehmen|kunde|kundenname|nom|nom complet|société|societe|entreprise|raison sociale|client nom|"
        "nombre|nombre completo|empresa|razón social|razon social|cliente|nome|nome completo|azienda|ragione sociale|"
        "bedrijf|bedrijfsnaam|naam|klant|会社名|会社|企業名|顧客名|氏名|名前|お名前|得意先名|наименование|название|название компании|организация|компания|клиент|фио|회사명|회사|업체명|고객명|이름|성명"
    ),
    "given_name": "vorname|prénom|prenom|nombre de pila|primer nombre|primeiro nome|voornaam|имя",
    "family_name": "nachname|familienname|nom de famille|apellido|apellidos|cognome|sobrenome|apelido|achternaam|фамилия",
    "phone": (
        "telefon|telefonnummer|tel nr|festnetz|téléphone|telephone fixe|téléphone fixe|teléfono|telefono|telefone|"
        "telefoonnummer|telefoon|電話|電話番号|телефон|номер телефона|전화번호|전화"
    ),
    "phone.mobile": (
        "handy|handynummer|mobil|mobiltelefon|mobilnummer|portable|téléphone portable|tél portable|móvil|movil|celular|"
        "teléfono móvil|cellulare|telemóvel|mobiel|携帯|携帯番号|携帯電話|мобильный|мобильный телефон|휴대폰|휴대전화|핸드폰"
    ),
    "phone.fax": "faxnummer|télécopie|ファックス|ファクス|fax番号",
    "email": (
        "e mail adresse|mail adresse|courriel|adresse e mail|adresse email|correo|correo electrónico|correo electronico|"
        "indirizzo e mail|indirizzo email|endereço de email|e mailadres|メール|メールアドレス|eメール|электронная почта|почта|эл почта|이메일|전자우편"
    ),
    "tax_number": (
        "ust id|ustid|ust idnr|umsatzsteuer id|steuernummer|siret|siren|numéro tva|n tva|nif|cif|rfc|partita iva|"
        "codice fiscale|cnpj|cpf|btw nummer|kvk nummer|法人番号|инн|사업자등록번호|사업자번호"
    ),
    "external": (
        "kundennummer|kunden nr|kundennr|numéro client|n client|code client|número de cliente|código de cliente|"
        "codice cliente|código do cliente|klantnummer|顧客番号|顧客コード|会員番号|得意先コード|код клиента|номер клиента|고객번호"
    ),
    "birth_date": "geburtsdatum|geburtstag|date de naissance|fecha de nacimiento|data di nascita|data de nascimento|geboortedatum|生年月日|誕生日|дата рождения|день рождения|생년월일|생일",
    "address.lines": (
        "straße|strasse|anschrift|adresse|straße und hausnummer|rue|adresse postale|dirección|direccion|calle|domicilio|"
        "indirizzo|via|endereço|morada|rua|adres|straat|住所|所在地|番地|адрес|улица|주소"
    ),
    "address.city": "ort|stadt|wohnort|ville|commune|ciudad|localidad|población|città|citta|comune|cidade|plaats|woonplaats|市区町村|город|도시",
    "address.region": "bundesland|kanton|département|departement|provincia|comunidad autónoma|distrito|provincie|都道府県|область|регион",
    "address.postal_code": "plz|postleitzahl|code postal|cp|código postal|codigo postal|cap|cep|郵便番号|индекс|почтовый индекс|우편번호",
    "address.country": "land|staat|pays|país|pais|paese|nazione|国名|страна|국가",
    "industry": "branche|secteur|secteur d activité|sector|settore|業種|業界|отрасль|업종",
    "note": "bemerkung|bemerkungen|notiz|notizen|kommentar|remarque|remarques|commentaire|notas|observaciones|observações|note interne|opmerking|opmerkingen|備考|メモ|примечание|комментарий|비고|메모",
    "tags": "schlagworte|étiquettes|etiquetas|etichette|タグ",
    "source": "herkunft|quelle|provenance|origen|origem",
}
# The short word for a name is the family's where a word for the given name stands beside it.
FAMILY_BESIDE_GIVEN = frozenset({"name", "nom", "naam"})
GIVEN = frozenset({"vorname", "prénom", "prenom", "voornaam"})
# And the given name where one for the family's does.
GIVEN_BESIDE_FAMILY = frozenset({"name", "names", "nombre", "nome"})
EMPLOYER = r"firma|unternehmen|société|societe|entreprise|raison sociale|empresa|razón social|azienda|ragione sociale|bedrijf|会社|企業|организация|компания|회사|업체"
CONTACTS = frozenset(
    {
        "ansprechpartner",
        "kontakt",
        "interlocuteur",
        "contacto",
        "contatto",
        "担当者",
        "担当者名",
        "контактное лицо",
        "담당자",
    }
)
