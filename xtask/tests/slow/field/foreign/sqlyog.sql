/*
SQLyog Ultimate v13.1.9 (64 bit)
MySQL - 8.0.36 : Database - shop
*********************************************************************
*/

/*!40101 SET NAMES utf8 */;

/*!40101 SET SQL_MODE=''*/;

/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;
CREATE DATABASE /*!32312 IF NOT EXISTS*/`shop` /*!40100 DEFAULT CHARACTER SET utf8mb4 */ /*!80016 DEFAULT ENCRYPTION='N' */;

USE `shop`;

/*Table structure for table `lamp` */

DROP TABLE IF EXISTS `lamp`;

CREATE TABLE `lamp` (
  `id` int NOT NULL AUTO_INCREMENT,
  `name` varchar(40) DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `name` (`name`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4;

/*Data for the table `lamp` */

insert  into `lamp`(`id`,`name`) values 

(1,'desk'),

(2,'wall; \'x\'');

/* Trigger structure for table `lamp` */

DELIMITER $$

/*!50003 DROP TRIGGER*//*!50032 IF EXISTS */ /*!50003 `lamp_bi` */$$

/*!50003 CREATE */ /*!50017 DEFINER = 'root'@'localhost' */ /*!50003 TRIGGER `lamp_bi` BEFORE INSERT ON `lamp` FOR EACH ROW BEGIN
SET NEW.name = TRIM(NEW.name);
END */$$


DELIMITER ;

/* Procedure structure for procedure `dim` */

/*!50003 DROP PROCEDURE IF EXISTS  `dim` */;

DELIMITER $$

/*!50003 CREATE DEFINER=`root`@`localhost` PROCEDURE `dim`(IN n INT)
BEGIN
  DELETE FROM lamp WHERE id = n;
END */$$
DELIMITER ;

/*Table structure for table `names` */

DROP TABLE IF EXISTS `names`;

/*!50001 DROP VIEW IF EXISTS `names` */;
/*!50001 DROP TABLE IF EXISTS `names` */;

/*!50001 CREATE TABLE  `names`(
 `name` varchar(40) 
)*/;

/*View structure for view names */

/*!50001 DROP TABLE IF EXISTS `names` */;
/*!50001 CREATE ALGORITHM=UNDEFINED DEFINER=`root`@`localhost` SQL SECURITY DEFINER VIEW `names` AS select `lamp`.`name` AS `name` from `lamp` */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;
