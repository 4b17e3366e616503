package nametrans

import (
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"
)

// programNames are the names by which mail programs and servers call the mailboxes of a
// special use (RFC 6154), the likeliest first, then by language. A name that means two of
// them somewhere, or something else, is left out: what is taken for a trash is emptied
// for good.
var programNames = map[string][]string{
	`\Sent`: {
		"Sent", "Sent Items", "Sent Messages", "Sent Mail",
		"Gesendet", "Gesendete Elemente", "Gesendete Objekte", "Gesendete Nachrichten",
		"Envoyés", "Éléments envoyés", "Messages envoyés", "Courrier envoyé",
		"Enviados", "Elementos enviados", "Mensajes enviados", "Itens enviados", "Mensagens enviadas",
		"Inviati", "Posta inviata", "Verzonden", "Verzonden items", "Verzonden berichten",
		"Skickat", "Skickade", "Skickade objekt", "Sendt", "Sendt post", "Sendte elementer", "Lähetetyt", "Lähetetyt viestit",
		"Wysłane", "Elementy wysłane", "Odeslané", "Odeslaná pošta", "Odoslané", "Odoslaná pošta", "Elküldött", "Elküldött elemek",
		"Trimise", "Elemente trimise", "Poslano", "Poslane poruke", "Απεσταλμένα", "Gönderilmiş Öğeler", "Gönderilenler", "Gönderilmiş Postalar",
		"Отправленные", "Надіслані", "Відправлені", "Изпратени",
		"送信済み", "送信済みアイテム", "送信済みメール", "已发送", "已发送邮件", "已發送", "寄件備份", "보낸편지함", "보낸 편지함",
	},
	`\Drafts`: {
		"Drafts", "Draft", "Entwürfe", "Brouillons", "Borradores", "Rascunhos", "Bozze", "Concepten", "Utkast", "Kladder", "Luonnokset",
		"Szkice", "Kopie robocze", "Wersje robocze", "Koncepty", "Rozepsané", "Rozpísané", "Piszkozatok", "Ciorne", "Nacrti", "Skice", "Πρόχειρα", "Taslaklar",
		"Черновики", "Чернетки", "Чернови", "下書き", "草稿", "草稿箱", "임시보관함", "임시 보관함",
	},
	`\Trash`: {
		"Trash", "Deleted Items", "Deleted Messages", "Deleted",
		"Papierkorb", "Gelöscht", "Gelöschte Elemente", "Gelöschte Objekte", "Corbeille", "Éléments supprimés", "Messages supprimés",
		"Papelera", "Elementos eliminados", "Lixeira", "Itens excluídos", "Itens eliminados", "Cestino", "Posta eliminata",
		"Prullenbak", "Verwijderde items", "Papperskorgen", "Borttaget", "Papirkurv", "Slettet post", "Slettede elementer", "Roskakori", "Poistetut", "Poistetut viestit",
		"Kosz", "Elementy usunięte", "Koš", "Odstraněná pošta", "Kôš", "Odstránená pošta", "Lomtár", "Kuka", "Törölt elemek", "Coș de gunoi", "Elemente șterse",
		"Smeće", "Izbrisano", "Κάδος απορριμμάτων", "Διαγραμμένα", "Çöp Kutusu", "Silinmiş Öğeler",
		"Корзина", "Удалённые", "Удаленные", "Кошик", "Видалені", "Кошче", "ゴミ箱", "削除済みアイテム", "已删除", "已删除邮件", "垃圾桶", "휴지통",
	},
	`\Junk`: {
		"Junk", "Spam", "Junk E-mail", "Junk Email", "Junk-E-Mail", "Bulk Mail", "Spamverdacht", "Unerwünscht", "Werbung",
		"Indésirables", "Courrier indésirable", "Pourriel", "Correo no deseado", "Lixo eletrônico", "Lixo eletrónico", "Posta indesiderata",
		"Ongewenste e-mail", "Ongewenste post", "Skräppost", "Søppelpost", "Uønsket e-mail", "Uønsket post", "Roskaposti",
		"Wiadomości-śmieci", "Niechciane", "Nevyžádaná pošta", "Nevyžiadaná pošta", "Levélszemét", "Ανεπιθύμητα", "Gereksiz", "Önemsiz E-posta", "İstenmeyen",
		"Спам", "Нежелательная почта", "Небажана пошта", "Нежелана поща", "迷惑メール", "垃圾邮件", "垃圾郵件", "스팸", "스팸메일함", "정크 메일",
	},
	`\Archive`: {
		"Archive", "Archives", "Archiv", "Archivo", "Arquivo", "Archivio", "Archief", "Arkiv", "Arkisto", "Archiwum", "Archív", "Archívum", "Arhivă", "Arhiva",
		"Αρχείο", "Arşiv", "Архив", "Архів", "アーカイブ", "归档", "封存", "보관함",
	},
}

// usualUse is a special use that a name stands for, and how likely: 0 is the likeliest.
type usualUse struct {
	use  string
	rank int
}

var usualUses = sync.OnceValue(func() map[string]usualUse {
	all := map[string]usualUse{}
	for use, names := range programNames {
		for rank, name := range names {
			all[usualKey(name)] = usualUse{use, rank}
		}
	}
	return all
})

func usualKey(component string) string { return strings.ToLower(norm.NFC.String(component)) }

// UsualUse returns the special use that a mailbox called component stands for, such as
// \Sent, and how likely it is the one, 0 being the likeliest; "" where it stands for none.
// Case, and the Unicode form, do not matter.
func UsualUse(component string) (use string, rank int) {
	found := usualUses()[usualKey(component)]
	return found.use, found.rank
}
